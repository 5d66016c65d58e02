import { clean } from '../host/log.ts';

interface Phase {
  readonly name: string;
  /** What stands on the console of a guest that came so far. */
  readonly sign: RegExp;
  /** The longest that a guest may stand still there, as a share of what its whole boot may take. */
  readonly share: number;
}

/**
 * The phases of a boot; the last one whose sign is there counts. Until init has spoken, a guest reads or unpacks what it has
 * read; later its services may wait for others.
 */
const PHASES = [
  { name: 'power-on', sign: /^/, share: 1 / 3 },
  { name: 'firmware', sign: /\S/, share: 1 / 3 },
  {
    name: 'boot loader',
    sign: /GRUB|Booting [`']|SYSLINUX|systemd-boot|Loading (?:Linux|initial ramdisk)/,
    share: 1 / 3,
  },
  { name: 'kernel', sign: /Linux version \d|^\[ {0,4}\d+\.\d{6}\]/m, share: 1 / 3 },
  { name: 'init', sign: /systemd\[1\]: |Welcome to .*!|\[ {0,2}OK {0,2}\]/, share: 2 / 3 },
  { name: 'cloud-init', sign: /cloud-init\[\d+\]: /, share: 2 / 3 },
  { name: 'login prompt', sign: /^\S+ login:/m, share: 2 / 3 },
] as const satisfies readonly Phase[];

export type PhaseName = (typeof PHASES)[number]['name'];

const KERNEL = 3;
const INIT = 4;

/** Signs that a guest will never come up, however long one waits. */
const DEAD_ENDS: readonly RegExp[] = [
  /Kernel panic - not syncing[^\n]*/,
  /grub rescue>/,
  /You are in emergency mode[^\n]*/,
  /Cannot open access to console, the root account is locked[^\n]*/,
  /No bootable (?:device|option)[^\n]*/,
  // Of the disks, which come first, none had a loader that it took.
  />>Start (?:PXE|HTTP Boot) over[^\n]*/,
  /ALERT! +\S+ does not exist[^\n]*/,
];

function plainLines(console: string): string {
  return console.split('\n').map(clean).join('\n');
}

/** With what a start begins; there are several where a guest was told to start anew. */
const START = /GNU GRUB|^BdsDxe: |^\[ {4}0\.000000\] Linux version/gm;

/** @returns the name of the phase of its latest start, `power-on` for a silent guest */
export function phaseOf(console: string): PhaseName {
  const all = plainLines(console);
  const text = all.slice([...all.matchAll(START)].at(-1)?.index ?? 0);
  return PHASES.findLast(({ sign }) => sign.test(text))?.name ?? 'power-on';
}

/** Milliseconds for which a guest may stand still in a phase. @param budget of its whole boot */
export function longestIn(phase: PhaseName, budget: number): number {
  return budget * (PHASES.find(({ name }) => name === phase)?.share ?? 1);
}

/** Whether anything beyond firmware and boot loader wrote to the console. */
export function systemSpoke(console: string): boolean {
  const text = plainLines(console);
  return PHASES.slice(KERNEL).some(({ sign }) => sign.test(text));
}

/** Whether kernel or init wrote to the console, which both can be told not to. */
export function kernelSpoke(console: string): boolean {
  const text = plainLines(console);
  return PHASES.slice(KERNEL, INIT + 1).some(({ sign }) => sign.test(text));
}

/** The line by which a guest says that it gave up; undefined: it did not. */
export function deadEnd(console: string): string | undefined {
  const text = plainLines(console);
  for (const sign of DEAD_ENDS) {
    const found = sign.exec(text);
    if (found !== null) return found[0].trim();
  }
  return undefined;
}

/** The last lines that are not empty, cleaned, each cut at 160 characters. */
export function lastConsoleLines(console: string, count = 3): string[] {
  const lines = plainLines(console)
    .split('\n')
    .map(line => line.trim());
  return lines
    .filter(line => line !== '')
    .slice(-count)
    .map(line => line.slice(0, 160));
}

/**
 * `it stopped in phase kernel 100 s ago, and its console ends: A | B`
 * @param still milliseconds since its last sign of life, where that is known
 */
export function whereItStopped(console: string, still?: number): string {
  const lines = lastConsoleLines(console);
  const end = lines.length === 0 ? 'its console is empty' : `its console ends: ${lines.join(' | ')}`;
  const when = still === undefined ? '' : ` ${Math.round(still / 1000)} s ago`;
  return `it stopped in phase ${phaseOf(console)}${when}, and ${end}`;
}
