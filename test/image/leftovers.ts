import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logins } from '../../src/image/logins.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const HASH = '$y$j9T$KNEy4/H4cBuqYiI0D1rVh.$e2Y3DFbEWpfVEQ0RwUB8HWqVU8ExRkqY9TnDMDZYxvD';

/** Who was asked for; the planted tree holds this key in the user's home, beside what was not asked for. */
export const LOGINS: Logins = { name: 'debian', sshKeys: [`${KEY} owner`], passwordHash: HASH };

/** By the name of what an image must not carry: files that a build leaves behind, with their content. */
export const LEFTOVERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'machine-id': {
    'etc/machine-id': 'b08dfa6083e7567a1921a715000001fb\n',
    'var/lib/dbus/machine-id': 'b08d\n',
  },
  'host keys': { 'etc/ssh/ssh_host_ed25519_key': 'key', 'etc/ssh/ssh_host_rsa_key.pub': 'key' },
  "dkms's key": { 'var/lib/dkms/mok.key': 'key', 'var/lib/dkms/mok.pub': 'key' },
  'random seed': { 'var/lib/systemd/random-seed': 'seed', 'var/lib/urandom/random-seed': 'seed' },
  'DHCP leases': { 'var/lib/dhcp/dhclient.eth0.leases': 'lease', 'var/lib/dhcpcd/eth0.lease': 'lease' },
  'cloud-init state': { 'var/lib/cloud/instances/i-1/user-data.txt': '#cloud-config' },
  logs: { 'var/log/dpkg.log': 'log', 'var/log/journal/b08d/system.journal': 'log', 'var/log/wtmp': 'login' },
  'shell history': {
    'root/.bash_history': 'ls',
    'home/debian/.zsh_history': 'ls',
    'root/.python_history': 'x',
  },
  'authorized keys': {
    'root/.ssh/authorized_keys': `${KEY} owner\n`,
    'home/other/.ssh/authorized_keys': `${KEY} owner\n`,
    'home/debian/.ssh/authorized_keys2': `${KEY} owner\n`,
    'var/lib/git/.ssh/authorized_keys': `${KEY} git\n`,
  },
  'password hashes': {
    'etc/shadow': `root:${HASH}:19000:0:99999:7:::\ndebian:${HASH}:19000:0:99999:7:::\n`,
    'etc/gshadow': 'sudo:$6$abc$def::debian\n',
    'etc/passwd': 'root::0:0:root:/root:/bin/bash\n',
  },
  'resolv.conf of the build host': { 'etc/resolv.conf': 'nameserver 192.0.2.1\n' },
  hostname: { 'etc/hostname': 'builder-7\n', 'etc/mailname': 'builder-7\n' },
  proxies: {
    'etc/apt/apt.conf.d/60img-build-proxy': 'Acquire::http::Proxy "http://proxy-7.example";',
    'etc/apt/apt.conf.d/20site': 'Acquire { http { Proxy "http://proxy-7.example"; }; };\n',
    'etc/environment': 'http_proxy=http://proxy-7.example:3128\n',
    'etc/profile.d/site.sh': 'export HTTPS_PROXY=http://proxy-7.example:3128\n',
  },
  'apt credentials': {
    'etc/apt/auth.conf': 'login a password b',
    'etc/apt/auth.conf.d/site.conf': 'login a',
  },
  'package caches': {
    'var/cache/apt/archives/vim_1_amd64.deb': 'deb',
    'var/cache/apt/pkgcache.bin': 'cache',
    'var/lib/apt/lists/x_InRelease': 'list',
    'root/.cache/pip/x': 'wheel',
  },
  'build files': {
    'tmp/in_target.d/x': 'script',
    'var/tmp/x': 'x',
    'etc/shadow-': `root:${HASH}:19000::::::`,
    'usr/sbin/policy-rc.d': 'exit 101',
    'var/backups/dpkg.status.0': 'status',
    'etc/apt/apt.conf.d/99mmdebstrap': 'x',
  },
};

/** Puts all of it, and a key that was asked for, into a tree. */
export async function plantLeftovers(tree: string): Promise<void> {
  const asked = { 'home/debian/.ssh/authorized_keys': `${KEY} owner\n` };
  for (const [path, text] of [asked, ...Object.values(LEFTOVERS)].flatMap(each => Object.entries(each))) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
}
