/* The names that OpenStack has for them: hw_disk_bus and hw_vif_model. */
export const DISK_BUSES = ['virtio', 'scsi', 'sata'] as const;
export const NETWORK_CARDS = ['virtio', 'e1000', 'e1000e', 'rtl8139'] as const;

export type DiskBus = (typeof DISK_BUSES)[number];
export type NetworkCard = (typeof NETWORK_CARDS)[number];

/** What the machine of a runner is made of; what is absent is virtio's. */
export interface QemuHardware {
  readonly disk?: DiskBus;
  readonly nic?: NetworkCard;
}
