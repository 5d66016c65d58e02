import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { homedir, hostname } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, HostError } from '../../src/host/errors.ts';
import { ToolError } from '../../src/host/process.ts';
import { UID_BASE, UID_COUNT } from '../../src/host/sandbox/protocol.ts';
import type { Sandbox } from '../../src/host/sandbox/sandbox.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const ANY = Array.from({ length: 256 }, (_, status) => status);
const MARK = `${86_400 + process.pid}.25`;
const SECRET = `release-secret-${process.pid}`;

describe('the sandbox', () => {
  const context = createContext({ env: process.env });
  let workshop: OpenWorkshop;
  let sandbox: Sandbox;
  let sleeper: ChildProcess;
  let hidden = '';
  let server: Server;
  let port = 0;
  let visitors = 0;

  /** Output and status of a script run by the payload's root. */
  async function tried(script: string): Promise<{ status: number; said: string }> {
    const { status, stdout, stderr } = await sandbox.run(['bash', '-c', script], { accept: ANY });
    return { status, said: stdout + stderr };
  }

  beforeAll(async () => {
    sleeper = spawn('sleep', [MARK], { env: { PATH: process.env.PATH, SECRET } });
    hidden = await mkdtemp(join(homedir(), '.image-factory-hidden-'));
    server = createServer(socket => {
      visitors++;
      socket.end('welcome');
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    workshop = await openOwnWorkshop(context);
    sandbox = workshop.sandbox;
  });

  afterAll(async () => {
    await workshop?.close();
    sleeper.kill();
    server.close();
    await rm(hidden, { recursive: true, force: true });
  });

  describe('refuses the payload, root though it is,', () => {
    it.each([
      ['a device node', 'mknod /tmp/disk b 7 0', /not permitted/],
      ['the real /dev', 'mount -t devtmpfs devtmpfs /mnt', /permission denied|not permitted/],
      ['a block device file system', 'mount -t ext4 /build/x /mnt', /failed|denied|does not exist|permitted/],
      ['a core pattern', 'echo "|/bin/sh" > /proc/sys/kernel/core_pattern', /denied|Read-only/],
      ['the magic SysRq key', 'echo h > /proc/sysrq-trigger', /denied|Read-only|No such/],
      ['a writable /sys', 'mount -o remount,rw /sys', /denied|not permitted/],
      ['a write into /sys', 'echo 1 > /sys/kernel/mm/ksm/run', /Read-only|denied/],
      ['a writable root', 'mount -o remount,rw /', /denied|not permitted/],
      ['a writable bind of the root', 'mount -o remount,bind,rw /', /denied|not permitted/],
      ['a write into the tools', 'echo > /usr/bin/newfile', /Read-only/],
      ['a write into the elements', 'echo > /elements/newfile', /Read-only/],
      ['another route', 'ip route del prohibit 169.254.0.0/16', /not permitted/],
      ['another address', 'ip addr add 10.9.9.9/24 dev tap0', /not permitted/],
      ['a raw look at the network card', 'ip link set tap0 promisc on', /not permitted/],
      ['the door to its own network', 'rm -f /run/image-factory-net', /busy/],
      ['a false door in its place', 'cp /etc/hostname /tmp/x; mv -f /tmp/x /run/image-factory-net', /busy/],
      ['the door unmounted', 'umount -l /run/image-factory-net', /not mounted|denied|Invalid|must be/],
      ['another host clock', 'date -s "2000-01-01"', /not permitted/],
      [
        'the way to the network of the host',
        'nsenter --net=/proc/1/ns/net ip link add x0 type dummy',
        /not permitted/,
      ],
    ])('%s', async (_what, script, why) => {
      const { status, said } = await tried(script);
      expect(status).not.toBe(0);
      expect(said).toMatch(why);
    });

    it.each([
      ['the loopback of the host, by its name here', '127.0.0.1'],
      ['the loopback of the host, through the gateway', '10.0.2.2'],
    ])('%s', async (_what, address) => {
      const { status } = await tried(`timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port} && cat <&3'`);
      expect(status).not.toBe(0);
      expect(visitors).toBe(0);
    });

    it.each(['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192'])(
      'the metadata service at %s, at once',
      async address => {
        const start = Date.now();
        const { status, said } = await tried(`timeout 5 bash -c 'exec 3<>/dev/tcp/${address}/80'`);
        expect(said).toMatch(/Permission denied/);
        expect(status).not.toBe(124);
        expect(Date.now() - start).toBeLessThan(2000);
      },
    );

    it('the processes of the host, their words, their environment and their end', async () => {
      const { said } = await tried("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '");
      expect(said).not.toContain(MARK);
      expect(said).not.toContain(SECRET);
      expect((await tried(`kill -9 ${sleeper.pid}`)).said).toMatch(/No such process/);
      await tried('kill -9 -1');
      expect(sleeper.exitCode ?? sleeper.signalCode).toBeNull();
      expect((await tried('echo alive')).said).toBe('alive\n');
    });

    it('the files of the host', async () => {
      const places = 'ls -A /root /home /mnt /srv /media /var/tmp; ls /run';
      const { said } = await tried(`${places}; find / -xdev -name '${basename(hidden)}'`);
      expect(said).not.toContain(basename(hidden));
      expect(said).not.toContain(basename(workshop.work));
      const mounts = (await tried('cat /proc/self/mountinfo')).said;
      expect(mounts).not.toContain('/etc/resolv.conf');
      expect((await tried('ls /run')).said.split('\n')).toEqual(
        expect.not.arrayContaining(['docker.sock', 'user', 'systemd', 'dbus']),
      );
    });

    it('every device but the harmless ones', async () => {
      const names = (await tried('ls /dev')).said.trim().split('\n');
      expect(names).toEqual(
        [
          ...['fd', 'full', 'net', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout'],
          ...['tty', 'urandom', 'zero'],
        ].sort(),
      );
      expect((await tried('exec 3<>/dev/net/tun')).status).not.toBe(0);
    });

    it('more processes than its limit, core dumps to a handler of the host, and a limit of its own making', async () => {
      expect((await tried('ulimit -Hu; ulimit -Hc')).said).toMatch(/^4096\n[01]\n$/);
      expect((await tried('ulimit -Hu unlimited')).said).toMatch(/not permitted/);
      expect((await tried('prlimit --pid $$ --core=unlimited')).said).toMatch(/not permitted/);
      const bomb = 'ulimit -u 30; for n in $(seq 60); do sleep 5 & done 2>&1';
      expect((await tried(bomb)).said).toMatch(/Resource temporarily unavailable/);
      expect((await tried('cat /proc/self/oom_score_adj')).said).toBe('500\n');
    });

    it('capabilities that no build needs', async () => {
      const bounding = /CapBnd:\s+(\w+)/.exec((await tried('cat /proc/self/status')).said)?.[1] ?? '';
      const names = {
        mknod: 27,
        sys_module: 16,
        sys_rawio: 17,
        sys_boot: 22,
        sys_time: 25,
        syslog: 34,
        bpf: 39,
      };
      const held = Object.entries(names).filter(([, bit]) => (BigInt(`0x${bounding}`) >> BigInt(bit)) & 1n);
      expect(held).toEqual([]);
    });

    it('the name of the host, and the host another name', async () => {
      const { said } = await tried('hostname; hostname other && hostname');
      expect(said).toBe('localhost\nother\n');
      expect(hostname()).not.toBe('other');
      expect((await tried('hostname')).said).toBe('localhost\n');
    });
  });

  describe('gives the payload', () => {
    it('an environment of the words it was given and no others', async () => {
      const plain = (await sandbox.run(['env'])).stdout.trim().split('\n').sort();
      expect(plain.map(row => row.split('=')[0])).toEqual(['LANG', 'LC_ALL', 'PATH']);
      const given = await sandbox.run(['/usr/bin/env'], { env: { DIB_RELEASE: 'trixie' } });
      expect(given.stdout).toBe('DIB_RELEASE=trixie\n');
    });

    it('an environment that none of the programs before it has seen, with whatever is in it', async () => {
      const env = {
        LD_PRELOAD: '/no/such.so',
        PERL5OPT: '-Mno',
        EMPTY: '',
        LINES: 'a\nb=c\n',
        PATH: '/usr/bin',
      };
      const { stdout, stderr } = await sandbox.run(['printenv', '-0'], { env });
      expect(stdout.split('\0').sort().slice(1)).toEqual(
        Object.entries(env)
          .map(each => each.join('='))
          .sort(),
      );
      expect(stderr.match(/LD_PRELOAD/g)).toHaveLength(1);
      await expect(sandbox.run(['/no such program; true'])).rejects.toThrow(/status 127.*No such file/);
    });

    it('sixty-five thousand users of its own, with nobody of the host among them', async () => {
      expect((await tried('id -u; tr -s " " < /proc/self/uid_map')).said).toBe(
        `0\n 0 ${UID_BASE} ${UID_COUNT}\n`,
      );
      await tried('echo x > /out/mine; chown 1000:1000 /out/mine');
      const { uid, gid } = await stat(join(workshop.work, 'out/mine'));
      expect([uid, gid]).toEqual([UID_BASE + 1000, UID_BASE + 1000]);
    });

    it('a sudo that passes through, whatever its options', async () => {
      for (const [command, wanted] of [
        ['sudo id -u', '0'],
        ['sudo -u root -- id -u', '0'],
        ['sudo -E -H -n env -i sh -c "echo done"', 'done'],
        ['sudo NAME=value sh -c "echo \\$NAME"', 'value'],
        ['sudo sh -c "exit 7" || echo $?', '7'],
      ]) {
        expect([command, (await tried(command ?? '')).said.trim()]).toEqual([command, wanted]);
      }
    });

    it('what a chroot needs: mounts, terminals, shared memory, links in /dev', async () => {
      const script = `set -e
        mount -t tmpfs tmpfs /mnt; mkdir /mnt/proc; mount -t proc proc /mnt/proc; test -d /mnt/proc/1
        echo x > /dev/shm/x; cat < /dev/fd/0 > /dev/null < /dev/zero & kill $!
        test -c /dev/ptmx; exec 3<> /dev/ptmx; echo held`;
      expect((await tried(script)).said).toMatch(/held\n$/);
    });

    it('mounts and processes that end with the command', async () => {
      await tried(`mount -t tmpfs tmpfs /mnt; setsid sleep ${MARK}7 & sleep 0.1`);
      expect((await tried('cat /proc/self/mountinfo')).said).not.toMatch(/ \/mnt /);
      const left = await sandbox.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline'], { as: 'supervisor' });
      expect(left.stdout).not.toContain(`${MARK}7`);
    });

    it('elements whose files only their owner may read', async () => {
      const own = await openOwnWorkshop(context, async work => {
        await mkdir(join(work, 'elements/private'), { recursive: true });
        await writeFile(join(work, 'elements/private/sudoers'), 'content');
        await chmod(join(work, 'elements/private/sudoers'), 0o440);
        await chmod(join(work, 'elements/private'), 0o700);
      });
      try {
        const { stdout } = await own.sandbox.run(['cat', '/elements/private/sudoers']);
        expect(stdout).toBe('content');
      } finally {
        await own.close();
      }
    });
  });

  describe('speaks with its caller', () => {
    it('of status, both streams and what failed', async () => {
      const error = await sandbox
        .run(['sh', '-c', 'echo out; echo err >&2; exit 9'])
        .catch((each: unknown) => each);
      expect(error).toBeInstanceOf(ToolError);
      expect(error).toMatchObject({
        message: 'sh ended with status 9: err',
        result: { status: 9, stdout: 'out\n', stderr: 'err\n' },
      });
      expect((await tried("sh -c 'kill -9 $$'; exit $?")).status).toBe(137);
      expect((await tried('no-such-program')).status).toBe(127);
    });

    it('in any letters, on any line', async () => {
      const input = 'ünï\u2028codé\u2029 "quoted" \\ back\r\nnext\r😀\0end';
      expect((await sandbox.run(['cat'], { input })).stdout).toBe(input);
      const env = { TEXT: 'a\u2028b', PATH: '/usr/bin' };
      expect((await sandbox.run(['printenv', 'TEXT'], { env })).stdout).toBe('a\u2028b\n');
    });

    it('with several at the same time, each with its own answers', async () => {
      const numbers = Array.from({ length: 8 }, (_, index) => String(index));
      const answers = await Promise.all(
        numbers.map(number =>
          sandbox.run(['sh', '-c', `sleep 0.1; echo ${number}; yes ${number} | head -2000`]),
        ),
      );
      for (const [index, { stdout }] of answers.entries()) {
        expect(new Set(stdout.trim().split('\n'))).toEqual(new Set([String(index)]));
      }
    });

    it('line by line, without hoarding what nobody will read', async () => {
      let lines = 0;
      const script = 'echo begin; yes filler | head -c 24000000; echo end';
      const { stdout } = await sandbox.run(['sh', '-c', script], { onLine: () => lines++ });
      expect(lines).toBe(1 + Math.ceil(24_000_000 / 7));
      expect(stdout.length).toBeLessThan(5 * 1024 * 1024);
      expect(stdout.startsWith('begin\n')).toBe(true);
      expect(stdout.endsWith('end\n')).toBe(true);
    });

    it('whole, when the output is the answer', async () => {
      const { stdout } = await sandbox.run(['head', '-c', '8000000', '/dev/zero']);
      expect(stdout.length).toBe(8_000_000);
    });

    it('of a request that cannot be done, and goes on', async () => {
      await expect(sandbox.request({ op: 'rename', from: '/no/such', to: '/out/x' })).rejects.toThrow(
        /ENOENT/,
      );
      await expect(sandbox.run(['true'], { cwd: '/no/such' })).rejects.toThrow(/ENOENT/);
      expect((await tried('echo on')).said).toBe('on\n');
    });

    it('as one who gives the results to the caller, and follows no link while it does', async () => {
      await tried('mkdir /out/d; echo x > /out/d/f; ln -s /etc/passwd /out/d/link');
      await sandbox.request({ op: 'give', path: '/out/d', uid: 4321, gid: 4321 });
      expect((await stat(join(workshop.work, 'out/d/f'))).uid).toBe(4321);
      expect((await readFile('/etc/passwd', 'utf8')).length).toBeGreaterThan(0);
      expect((await stat('/etc/passwd')).uid).toBe(0);
    });
  });

  it('ends at once when its caller is cancelled, and says that it was', async () => {
    const controller = new AbortController();
    const own = await openOwnWorkshop(createContext({ env: process.env, signal: controller.signal }));
    const running = own.sandbox.run(['sleep', `${MARK}9`]).catch((error: unknown) => error);
    const start = Date.now();
    setTimeout(() => controller.abort(), 200);
    expect(await running).toBeInstanceOf(CancelledError);
    expect(Date.now() - start).toBeLessThan(2000);
    await expect(own.sandbox.run(['true'])).rejects.toThrow(CancelledError);
    await own.close();
  });

  it('refuses work after its end', async () => {
    const own = await openOwnWorkshop(context);
    await own.sandbox.close();
    await own.sandbox.close();
    await expect(own.sandbox.run(['true'])).rejects.toThrow(HostError);
    await own.close();
  });
});
