import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { forgetSsh, makeKeyPair, ssh, sshArgv } from '../../src/boot/ssh.ts';
import type { SshOptions } from '../../src/boot/types.ts';
import { CancelledError, CheckError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { temporary } from './temporary.ts';

const never = new AbortController().signal;

/** A server that takes connections and says nothing. */
async function muteServer(): Promise<number> {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

it('makes a key pair that only its owner can read', async () => {
  const directory = await temporary();
  const publicKey = await makeKeyPair(directory, never);
  const told = await run(['ssh-keygen', '-y', '-f', join(directory, 'id_ed25519')]);
  expect(publicKey).toContain(told.stdout.trim().split(' ').slice(0, 2).join(' '));
  expect((await stat(join(directory, 'id_ed25519'))).mode & 0o077).toBe(0);
});

it("takes nothing from the user's own configuration", async () => {
  const target = { host: '127.0.0.1', port: 2222, user: 'debian', directory: '/nonexistent' };
  const [program, ...argv] = sshArgv(target, 'true');
  const told = await run([program ?? '', '-G', ...argv]);
  expect(told.stdout).toMatch(/^identityfile id_ed25519$/m);
  expect(told.stdout).toMatch(/^batchmode yes$/m);
  expect(told.stdout).toMatch(/^user debian$/m);
  expect(told.stdout).toMatch(/^port 2222$/m);
  expect(told.stdout).not.toContain('.ssh/known_hosts');
});

it('waits longer for a further login, since a slow host takes long to start another sshd', async () => {
  const target = { host: '203.0.113.7', port: 22, user: 'debian', directory: await temporary() };
  const patience = async (options: SshOptions) => {
    const [program = '', ...argv] = sshArgv(target, 'true', options);
    const { stdout } = await run([program, '-G', ...argv]);
    return /^connecttimeout (\d+)$/m.exec(stdout)?.[1];
  };
  expect(await patience({})).toBe('8');
  expect(await patience({ user: 'root' })).toBe('30');
  expect(await patience({ keyless: true })).toBe('30');
});

it('gives up on a guest that says nothing, in time', async () => {
  const target = {
    host: '127.0.0.1',
    port: await muteServer(),
    user: 'debian',
    directory: await temporary(),
  };
  await makeKeyPair(target.directory, never);
  await expect(ssh(target, 'id -un', { timeout: 300, signal: never })).rejects.toThrow(CheckError);
  await expect(ssh(target, 'id -un', { timeout: 300, signal: never })).rejects.toThrow(/0\.3 s to: id -un/);
});

it('tells of a port where nobody listens by the status of ssh', async () => {
  const target = { host: '127.0.0.1', port: 1, user: 'debian', directory: await temporary() };
  const reply = await ssh(target, 'true', { signal: never });
  expect(reply.status).toBe(255);
  expect(reply.stderr).toMatch(/refused/);
});

it('ends at once when cancelled', async () => {
  const controller = new AbortController();
  const target = {
    host: '127.0.0.1',
    port: await muteServer(),
    user: 'debian',
    directory: await temporary(),
  };
  const running = ssh(target, 'true', { signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  const start = Date.now();
  await expect(running).rejects.toThrow(CancelledError);
  expect(Date.now() - start).toBeLessThan(1500);
});

it('forgets by which key a guest was known', async () => {
  const directory = await temporary();
  await writeFile(join(directory, 'known_hosts'), 'x\n');
  await forgetSsh({ host: '127.0.0.1', port: 1, user: 'debian', directory });
  expect(await readdir(directory)).toEqual([]);
});
