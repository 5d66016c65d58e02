import { describe, expect, it } from 'vitest';
import { deadEnd, lastConsoleLines, phaseOf, systemSpoke, whereItStopped } from '../../src/boot/phases.ts';

const FIRMWARE = '\u001b[2J\u001b[01;01HBdsDxe: loading Boot0001 "UEFI Misc Device"\r\n';
const LOADER = `${FIRMWARE}\u001b[24HGNU GRUB  version 2.06\r\n\r\rLoading Linux 6.1.0 ...\r\n`;
const KERNEL = `${LOADER}\r[    0.000000] Linux version 6.1.0-56-cloud-amd64\r\n`;
const INIT = `${KERNEL}[    9.2] x\r\n[\u001b[0;32m  OK  \u001b[0m] Reached target sysinit.target\r\n`;
const CLOUD_INIT = `${INIT}[   46.5] cloud-init[493]: Cloud-init v. 22.4.2 running\r\n`;
const LOGIN = `${CLOUD_INIT}\r\nDebian GNU/Linux 12 host ttyS0\r\n\r\nhost login: `;

describe('phaseOf', () => {
  it.each([
    ['power-on', ' \r\n'],
    ['firmware', FIRMWARE],
    ['boot loader', LOADER],
    ['kernel', KERNEL],
    ['init', INIT],
    ['cloud-init', CLOUD_INIT],
    ['login prompt', LOGIN],
    ['kernel', LOGIN + INIT + KERNEL],
    ['boot loader', LOGIN + LOADER],
  ])('%s', (phase, console) => expect(phaseOf(console)).toBe(phase));
});

it.each([
  ['', false],
  [FIRMWARE, false],
  [LOADER, false],
  [KERNEL, true],
  ['host login: ', true],
])('tells firmware and boot loader from the system', (console, spoke) =>
  expect(systemSpoke(console)).toBe(spoke),
);

describe('deadEnd', () => {
  it.each([
    ['[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n', /^Kernel panic .* root fs$/],
    ['error: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> ', /^grub rescue>$/],
    ['You are in emergency mode. After logging in, type\r\n', /^You are in emergency mode/],
    ['ALERT!  LABEL=cloudimg-rootfs does not exist.  Dropping to a shell!\r\n', /^ALERT!/],
  ])('sees that %s', (console, why) => expect(deadEnd(KERNEL + console)).toMatch(why));

  it('takes a good boot for none', () => expect(deadEnd(LOGIN)).toBeUndefined());
});

it('shows the last lines without escapes, each of bounded length', () => {
  const hostile = `a\r\n\u001b]0;title\u0007b\r\n::error::${'c'.repeat(500)}\r\n\r\n`;
  const lines = lastConsoleLines(hostile);
  expect(lines.slice(0, 2)).toEqual(['a', 'b']);
  expect(lines[2]).toHaveLength(160);
});

it('says in one line where a guest stopped', () => {
  expect(whereItStopped(LOADER)).toBe(
    'it stopped in phase boot loader, and its console ends: BdsDxe: loading Boot0001 "UEFI Misc Device" | GNU GRUB  version 2.06 | Loading Linux 6.1.0 ...',
  );
  expect(whereItStopped(FIRMWARE, 61_400)).toMatch(/^it stopped in phase firmware 61 s ago, and its console/);
  expect(whereItStopped('')).toBe('it stopped in phase power-on, and its console is empty');
});
