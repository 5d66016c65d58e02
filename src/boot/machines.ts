import { bootNova } from './nova/nova.ts';
import { bootQemu } from './qemu.ts';
import type { Machine, MachineRequest } from './types.ts';

/** Switches a machine of a kind on; the guest is on when it returns, and no more. */
export type BootMachine = (request: MachineRequest) => Promise<Machine>;

/** One line per kind of machine. */
export const MACHINES = { qemu: bootQemu, nova: bootNova } as const satisfies Record<string, BootMachine>;
