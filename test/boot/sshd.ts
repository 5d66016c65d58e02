import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { BootMachine } from '../../src/boot/machines.ts';
import { bootQemu } from '../../src/boot/qemu.ts';
import { makeKeyPair, ssh } from '../../src/boot/ssh.ts';
import type { Machine } from '../../src/boot/types.ts';
import { run } from '../../src/host/process.ts';

/**
 * Boots in QEMU, and has a real server of ssh answer in the guest's place, which lets nobody in.
 * @param knownBefore whether another host key was seen at its address earlier
 */
export function behindSshd({ knownBefore }: { knownBefore: boolean }): BootMachine {
  return async request => {
    const { signal } = request.context;
    const machine = await bootQemu(request);
    const directory = join(request.directory, 'sshd');
    await mkdir(directory);
    await makeKeyPair(directory, signal);
    const server = await serve(join(directory, 'host_key'));
    if (knownBefore) {
      const key = await makeHostKey(join(directory, 'earlier_key'));
      await writeFile(join(directory, 'known_hosts'), `[127.0.0.1]:${server.port} ${key}\n`);
    }
    const target = { host: '127.0.0.1', port: server.port, user: request.userName, directory };
    return changed(machine, {
      ssh: (command, options) => ssh(target, command, { ...options, signal }),
      close: async () => {
        server.close();
        await machine.close();
      },
    });
  };
}

/** A machine in everything but some of its methods. */
function changed(machine: Machine, methods: Partial<Machine>): Machine {
  return new Proxy(machine, {
    get(target, name) {
      const value = Reflect.get(name in methods ? methods : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** @returns the public half, as known_hosts has it */
async function makeHostKey(file: string): Promise<string> {
  await run(['dropbearkey', '-t', 'ed25519', '-f', file]);
  const told = await run(['dropbearkey', '-y', '-f', file]);
  return /^ssh-ed25519 \S+/m.exec(told.stdout)?.[0] ?? '';
}

async function serve(key: string): Promise<{ port: number; close(): void }> {
  await makeHostKey(key);
  // Each connection is the standard input and output of a server of its own.
  const server = createServer({ pauseOnConnect: true }, socket => {
    spawn('dropbear', ['-i', '-r', key, '-s', '-j', '-k'], { stdio: [socket, socket, 'ignore'] });
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
