import type { NewImage } from '../../../../src/openstack/image/images.ts';
import { cloudConfig, onceAtBoot } from '../parts.ts';
import type { Plot } from '../planting.ts';
import type { Mutation } from '../types.ts';

/** What Glance is told of an image. */
export type ImageRecord = Pick<NewImage, 'minDisk' | 'minRam' | 'properties'>;

/** A defect that shows in a cloud. */
export interface CloudMutation extends Mutation {
  /** Plants it in what the cloud is told. */
  readonly misdescribe?: (record: ImageRecord) => ImageRecord;
}

/** Every defect that only a cloud's checks have to catch. */
export const CLOUD_MUTATIONS: readonly CloudMutation[] = [
  {
    check: 'image-record',
    name: 'a record without the name of its distribution',
    says: /os_distro is not there, not debian/,
    misdescribe: ({ properties: { os_distro: _, ...properties } = {}, ...record }) => ({
      ...record,
      properties,
    }),
  },
  {
    check: 'metadata',
    name: 'a barrier before the metadata service',
    says: /No route to host/,
    plant: plot => afterEveryBoot(plot, 'ip route add unreachable 169.254.169.254/32'),
  },
  {
    check: 'reboot',
    name: 'a clean-up at boot that takes what was to stay',
    says: /written before it, is not there/,
    plant: plot => plot.file('/etc/tmpfiles.d/app.conf', 'D /var/tmp 1777 root root -\n'),
  },
  {
    check: 'rebuild',
    name: "a cloud-init that leaves the customer's data alone",
    also: ['user-data', 'config-drive'],
    says: /user-data/,
    plant: plot => cloudConfig(plot, 'user', { allow_userdata: false }),
  },
  {
    check: 'image-record',
    name: 'a record that says nothing of the size of disk that it needs',
    says: /does not say what it needs/,
    misdescribe: record => ({ ...record, minDisk: 0 }),
  },
  {
    check: 'config-drive',
    name: 'a kernel that panics where there is no network card',
    says: /will not be reached: Kernel panic/,
    plant: plot =>
      onceAtBoot(plot, 'app-card', 'ls /sys/class/net | grep -qvx lo || echo c > /proc/sysrq-trigger'),
  },
];

/** The last thing that cloud-init does before it says that it has finished. */
function afterEveryBoot(plot: Plot, script: string): Promise<void> {
  return plot.file('/var/lib/cloud/scripts/per-boot/app', `#!/bin/sh\n${script}\n`, 0o755);
}
