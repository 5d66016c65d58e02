import { clean } from '../host/log.ts';

/** How far a guest came, by what stands on its console; the last one that matches counts. */
const PHASES: readonly { readonly name: string; readonly sign: RegExp }[] = [
  { name: 'firmware', sign: /\S/ },
  { name: 'boot loader', sign: /GRUB|Booting [`']|SYSLINUX|systemd-boot|Loading (?:Linux|initial ramdisk)/ },
  { name: 'kernel', sign: /Linux version \d|^\[ {0,4}\d+\.\d{6}\]/m },
  { name: 'init', sign: /systemd\[1\]: |Welcome to .*!|\[ {0,2}OK {0,2}\]/ },
  { name: 'cloud-init', sign: /cloud-init\[\d+\]: / },
  { name: 'login prompt', sign: /^\S+ login:/m },
];

const KERNEL = 2;
const INIT = 3;

/** Signs that a guest will never come up, however long one waits. */
const DEAD_ENDS: readonly RegExp[] = [
  /Kernel panic - not syncing[^\n]*/,
  /grub rescue>/,
  /You are in emergency mode[^\n]*/,
  /Cannot open access to console, the root account is locked[^\n]*/,
  /No bootable (?:device|option)[^\n]*/,
  /ALERT! +\S+ does not exist[^\n]*/,
];

function plainLines(console: string): string {
  return console.split('\n').map(clean).join('\n');
}

/** @returns the name of the phase, `power-on` for a silent guest */
export function phaseOf(console: string): string {
  const text = plainLines(console);
  return PHASES.findLast(({ sign }) => sign.test(text))?.name ?? 'power-on';
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

/** `stopped in phase kernel; its console ends: A | B` */
export function whereItStopped(console: string): string {
  const lines = lastConsoleLines(console);
  const end = lines.length === 0 ? 'its console is empty' : `its console ends: ${lines.join(' | ')}`;
  return `it stopped in phase ${phaseOf(console)}, and ${end}`;
}
