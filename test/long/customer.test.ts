import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../end-to-end/program.ts';

const exec = promisify(execFile);

/**
 * What a customer does to his machine: everything upgraded, kernel and boot loader reinstalled, rebooted. Done
 * by user-data, with the console as witness; the guest reaches its package mirror through user networking.
 */
const USER_DATA = `#cloud-config
bootcmd:
  - [sh, -c, 'echo "witness: boot $(cat /proc/sys/kernel/random/boot_id)" > /dev/ttyS0']
runcmd:
  - |
    export DEBIAN_FRONTEND=noninteractive
    # A network that looks into TLS would need its authority in the guest; apt checks signatures anyway.
    sed -i 's#https://#http://#' /etc/apt/sources.list.d/debian.sources
    packages=$(dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\\n' 'linux-image-[0-9]*' 'grub-*' 'shim-*' | sed -n 's/^ii *//p')
    apt-get update && apt-get -y dist-upgrade && apt-get -y --reinstall install $packages &&
    test -s /boot/grub/grub.cfg && echo "witness: upgraded" > /dev/ttyS0 || echo "witness: failed" > /dev/ttyS0
    tail -n 20 /var/log/apt/term.log > /dev/ttyS0
    systemctl reboot
`;

describe.each(['bios', 'uefi'])('under %s', firmware => {
  let work = '';

  beforeAll(async () => {
    work = await mkdtemp('/var/tmp/image-factory-long-');
  });

  afterAll(async () => {
    await rm(work, { recursive: true, force: true });
  });

  it('boots again after an upgrade and a reinstall of kernel and boot loader', async () => {
    const image = process.env.IMAGE_FACTORY_IMAGE ?? (await build(work));
    await writeFile(join(work, 'user-data'), USER_DATA);
    await writeFile(join(work, 'meta-data'), 'instance-id: customer\n');
    const seed = join(work, 'seed.img');
    await exec('truncate', ['-s', '1M', seed]);
    await exec('mkfs.vfat', ['-n', 'CIDATA', seed]);
    await exec('mcopy', ['-i', seed, join(work, 'user-data'), join(work, 'meta-data'), '::']);
    const overlay = join(work, 'overlay.qcow2');
    await exec('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', overlay, '6G']);
    const log = await boot(work, firmware, overlay, seed);
    expect(log).toMatch(/witness: upgraded/);
    const boots = new Set([...log.matchAll(/witness: boot (\S+)/g)].map(match => match[1]));
    expect(boots.size).toBe(2);
    // After the reboot the kernel speaks a second time, and a login prompt comes again.
    const [, after = ''] = log.split('witness: upgraded');
    expect(after).toMatch(/Linux version/);
    expect(after).toMatch(/ login:/);
  });
});

async function build(work: string): Promise<string> {
  const { status, output } = await run(['build', '--output', work]);
  expect(status, output).toBe(0);
  const [version] = (await readdir(join(work, 'debian-12'))).filter(name => /^\d/.test(name));
  const core = join(work, 'debian-12', version ?? '', 'core');
  return join(core, (await readdir(core)).find(name => name.endsWith('.qcow2')) ?? '');
}

/** Runs until the login prompt of the second boot, or for 25 minutes. @returns the console log */
async function boot(work: string, firmware: string, overlay: string, seed: string): Promise<string> {
  const variables = join(work, 'vars.fd');
  await cp('/usr/share/OVMF/OVMF_VARS_4M.fd', variables);
  const pflash = (file: string, more: string) => ['-drive', `if=pflash,format=raw,file=${file}${more}`];
  const uefi = [...pflash('/usr/share/OVMF/OVMF_CODE_4M.fd', ',readonly=on'), ...pflash(variables, '')];
  const log = join(work, 'console.log');
  const child = spawn(
    'setpriv',
    [
      ...[
        '--pdeathsig',
        'KILL',
        'qemu-system-x86_64',
        '-machine',
        'q35',
        '-accel',
        'tcg,thread=multi',
        '-smp',
        '2',
      ],
      ...['-m', '1024', '-display', 'none', '-monitor', 'none', '-serial', `file:${log}`],
      ...(firmware === 'uefi' ? uefi : []),
      ...['-drive', `file=${overlay},if=virtio,format=qcow2`, '-drive', `file=${seed},if=virtio,format=raw`],
      ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net'],
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'close');
  const deadline = Date.now() + 25 * 60_000;
  let text = '';
  while (Date.now() < deadline && child.exitCode === null) {
    await new Promise(resolve => setTimeout(resolve, 2000));
    text = await readFile(log, 'utf8').catch(() => '');
    const [, after = ''] = text.split(/witness: (?:upgraded|failed)/);
    if (/Linux version/.test(after) && / login:/.test(after.split('Linux version')[1] ?? '')) break;
  }
  child.kill('SIGKILL');
  await ended;
  return text;
}
