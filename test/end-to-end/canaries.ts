import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../src/host/process.ts';

/** Secrets of a host, each in a place where one would look for such a thing, and the element that looks. */
export interface Canaries {
  /** Variables for the program that builds. */
  readonly env: Readonly<Record<string, string>>;
  /** Words before that program: its session has a key of the kernel's. */
  readonly session: readonly string[];
  /** How many visitors the host's loopback had. */
  visitors(): number;
  /** Text of the element's script. */
  readonly script: string;
  remove(): Promise<void>;
}

/** All secrets have this form. The element's own text must not. */
const FORM = 'if-canar[y]-[0-9a-f]{16}';

const secret = () => `if-canary-${randomBytes(8).toString('hex')}`;

const ARM = process.arch === 'arm64';
const [ADD_KEY, KEYCTL] = ARM ? [217, 219] : [248, 250];
const KEY = 'host-session';

/** A new session with a key in it, for the command that follows. */
const WITH_KEY = `my ($type, $name, $secret) = ('user', '${KEY}', shift);
syscall(${KEYCTL}, 1, 0) >= 0 and syscall(${ADD_KEY}, $type, $name, $secret, length $secret, -3) >= 0 or die "no key: $!";
exec { $ARGV[0] } @ARGV`;

/** @param home of who builds */
export async function plantCanaries(home: string): Promise<Canaries> {
  const id = `${process.pid}`;
  const files = [
    ...['.gnupg/private-keys-v1.d/0.key', '.ssh/id_ed25519', '.config/openstack/clouds.yaml'],
    ...[
      '.aws/credentials',
      '.docker/config.json',
      '.netrc',
      '.kube/config',
      '.config/gcloud/credentials.db',
      '.git-credentials',
      '.local/state/image-factory/local-test-key.asc',
    ],
  ].map(name => join(home, name));
  const places = [join(homedir(), `.canary-${id}`), `/run/canary-${id}`, `/var/tmp/canary-${id}`];
  const disk = `/var/tmp/canary-${id}.disk`;
  for (const path of [...files, ...places, disk]) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${secret()}\n`.repeat(512));
    // Whoever gets as far as its name may read it: no mode protects it, only the sandbox.
    await chmod(path, 0o644);
  }
  const loop = (await run(['losetup', '--find', '--show', disk])).stdout.trim();
  const sleeper = spawn('sleep', ['3600'], { argv0: `sleep ${secret()}`, env: { TOKEN: secret() } });
  let visitors = 0;
  const listen = (where: Parameters<Server['listen']>[0]) =>
    new Promise<Server>(resolve => {
      const server = createServer(socket => {
        visitors++;
        socket.on('error', () => {}).end(`${secret()}\n`);
      });
      server.listen(where, () => resolve(server));
    });
  const four = await listen({ host: '127.0.0.1', port: 0 });
  const six = await listen({ host: '::1', port: 0 });
  const socket = `/run/canary-${id}.sock`;
  const sockets = [await listen({ path: socket }), await listen({ path: `\0${secret()}` })];
  const [portFour, portSix] = [four, six].map(server => (server.address() as AddressInfo).port);
  return {
    env: {
      SSH_AUTH_SOCK: socket,
      VAULT_TOKEN: secret(),
      OS_USERNAME: secret(),
      GPG_PASSPHRASE: secret(),
      GITHUB_TOKEN: secret(),
    },
    session: ['perl', '-e', WITH_KEY, secret()],
    visitors: () => visitors,
    script: script({ four: portFour ?? 0, six: portSix ?? 0, loop, socket }),
    async remove() {
      sleeper.kill();
      for (const server of [four, six, ...sockets]) server.close();
      await run(['losetup', '--detach', loop]);
      for (const path of [...files, ...places, disk, socket]) await rm(path, { force: true });
    },
  };
}

/** Looks everywhere, tells what it finds as `found ...`, and at last that it has looked. */
function script(at: { four: number; six: number; loop: string; socket: string }): string {
  return `#!/bin/bash
set -u
form='${FORM}'
tell() { while read -r line; do echo "found $1: $line"; done; }
env | grep -E "$form" | tell environment
grep -rElas --exclude-dir=proc --exclude-dir=sys "$form" / | tell file
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n' | grep -Ea "$form" | tell process
grep -E "$form" /proc/net/unix | tell socket
for root in /proc/[0-9]*/root; do grep -rElas "$form" $root/root/.canary* $root/run/canary* | tell root; done
visit() { timeout 3 bash -c "exec 3<> /dev/tcp/$1/$2 && cat <&3" 2> /dev/null | tell "$1"; }
for address in 127.0.0.1 10.0.2.2; do visit $address ${at.four}; done
for address in ::1 fd00::2; do visit $address ${at.six}; done
for address in 169.254.169.254 100.100.100.200 168.63.129.16; do
  timeout 3 bash -c "exec 3<> /dev/tcp/$address/80" 2> /dev/null && echo "found $address"
done
[ -e ${at.socket} ] && echo 'found the socket of an agent'
for device in ${at.loop} /dev/sda /dev/vda /dev/nvme0n1 /dev/kvm /dev/mem /dev/loop-control /dev/mapper/control; do
  [ -e $device ] && echo "found $device"
done
while read -r major minor _ name; do
  case $major in [0-9]*) mknod /tmp/disk-$name b $major $minor 2> /dev/null && echo "found $name" ;; esac
done < /proc/partitions
mount -t devtmpfs none /mnt 2> /dev/null && echo 'found devtmpfs'
perl -e 'my ($type, $name) = ("user", "${KEY}"); print "found key\\n" if syscall(${KEYCTL}, 10, -3, $type, $name, 0) >= 0'
kill -9 -1 2> /dev/null
echo 'looked everywhere'
`;
}
