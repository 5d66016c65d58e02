import { once } from 'node:events';
import * as fs from 'node:fs';
import { start, tool } from './agent-programs.ts';
import { type EnterRequest, UID_BASE } from './protocol.ts';

/** Where the network namespace of the payload is held. */
export const NETWORK = '/run/image-factory-net';

/** Metadata services of clouds: credentials of the build host may be had there. */
const METADATA = ['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32'];

/** When memory runs out, the kernel takes the sandbox before what else runs on the host. */
const OOM_SCORE = '500';

/** Makes the tools tree the root, with nothing of the host in it but what is bound there. */
export async function enterPlace(request: EnterRequest): Promise<void> {
  const root = request.mountPoint;
  fs.writeFileSync('/proc/self/oom_score_adj', OOM_SCORE);
  await tool('mount', '--make-rprivate', '/');
  fs.writeFileSync('/proc/sys/kernel/hostname', 'localhost');
  await tool('mount', '--bind', request.tools, root);
  for (const target of ['/tmp', '/run', '/dev'])
    await memory(`${root}${target}`, '512m', target === '/tmp' ? '1777' : '755');
  await tool('mount', '-t', 'proc', '-o', 'nosuid,nodev,noexec', 'proc', `${root}/proc`);
  await tool('mount', '-t', 'sysfs', '-o', 'ro,nosuid,nodev,noexec', 'sysfs', `${root}/sys`);
  await devices(`${root}/dev`);
  for (const { target, bytes } of request.memory) await memory(root + target, String(bytes), '755');
  for (const bind of request.binds) await bindInto(root, bind);
  await tool('mount', '-o', 'remount,bind,ro', root);
  process.chdir(root);
  await tool('pivot_root', root, `${root}/mnt`);
  process.chdir('/');
  await tool('umount', '-l', '/mnt');
  await network(request.network);
}

async function memory(target: string, size: string, mode: string): Promise<void> {
  const options = `size=${size},mode=${mode},uid=${UID_BASE},gid=${UID_BASE}`;
  await tool('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', target);
}

async function bindInto(root: string, bind: EnterRequest['binds'][number]): Promise<void> {
  const target = root + bind.target;
  await tool('mount', '--bind', bind.source, target);
  if (!bind.writable) await tool('mount', '-o', 'remount,bind,ro', target);
}

/** A private, minimal /dev: no disk, no loop, no kvm. */
async function devices(dev: string): Promise<void> {
  for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
    fs.writeFileSync(`${dev}/${name}`, '');
    await tool('mount', '--bind', `/dev/${name}`, `${dev}/${name}`);
  }
  for (const name of ['pts', 'shm', 'net']) fs.mkdirSync(`${dev}/${name}`);
  await tool('mount', '-t', 'devpts', '-o', 'newinstance,ptmxmode=0666,mode=620', 'devpts', `${dev}/pts`);
  await memory(`${dev}/shm`, '64m', '1777');
  for (const [name, to] of [
    ['ptmx', 'pts/ptmx'],
    ['fd', '/proc/self/fd'],
    ['stdin', 'fd/0'],
    ['stdout', 'fd/1'],
    ['stderr', 'fd/2'],
  ] as const) {
    fs.symlinkSync(to, `${dev}/${name}`);
  }
  fs.writeFileSync(`${dev}/net/tun`, '');
  await tool('mount', '--bind', '/dev/net/tun', `${dev}/net/tun`);
}

/**
 * A network of its own: user-mode NAT outward, no way to the host's loopback or to a metadata service. It
 * belongs to the agent's user namespace, so that root in the payload cannot change its routes.
 */
async function network(outward: boolean): Promise<void> {
  fs.writeFileSync(NETWORK, '');
  await tool('unshare', `--net=${NETWORK}`, 'true');
  await tool('nsenter', `--net=${NETWORK}`, 'ip', 'link', 'set', 'lo', 'up');
  if (outward) {
    await startSlirp();
    for (const range of METADATA)
      await tool('nsenter', `--net=${NETWORK}`, 'ip', 'route', 'add', 'prohibit', range);
  }
  await tool('umount', '-l', '/dev/net/tun');
}

async function startSlirp(): Promise<void> {
  const argv = ['slirp4netns', '--configure', '--mtu=65520', '--disable-host-loopback', '--ready-fd=3'];
  const child = start([...argv, '--netns-type=path', NETWORK, 'tap0'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stderr?.on('data', chunk => {
    text = (text + chunk).slice(-2000);
  });
  const ready = child.stdio[3];
  if (!ready) throw new Error('slirp4netns has no ready pipe');
  await Promise.race([
    once(ready, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`slirp4netns ended: ${text.trim()}`))),
  ]);
}
