import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { findUnsealed, ruleFor, SEAL } from '../../src/image/seal.ts';

const seen = (path: string, type = 'f', size = 1) => findUnsealed([{ path, type, size }]).length > 0;

// Of each pattern: what it must catch, and a neighbour that it must leave alone.
const TABLE: [pattern: string, caught: string, left: string][] = [
  ['etc/machine-id', 'etc/machine-id', 'etc/machine-info'],
  ['var/lib/dbus/machine-id', 'var/lib/dbus/machine-id', 'var/lib/dbus/machine-id.d/x'],
  ['etc/ssh/ssh_host_*', 'etc/ssh/ssh_host_ed25519_key.pub', 'etc/ssh/sshd_config'],
  ['var/lib/dkms/mok.*', 'var/lib/dkms/mok.key', 'var/lib/dkms/mok'],
  ['var/lib/systemd/random-seed', 'var/lib/systemd/random-seed', 'var/lib/systemd/catalog/database'],
  ['var/lib/urandom/random-seed', 'var/lib/urandom/random-seed', 'var/lib/urandom/other'],
  [
    'var/lib/systemd/credential.secret',
    'var/lib/systemd/credential.secret',
    'var/lib/systemd/credential_secret',
  ],
  ['boot/efi/loader/random-seed', 'boot/efi/loader/random-seed', 'boot/efi/loader/loader.conf'],
  ['var/lib/dhcp/*.lease*', 'var/lib/dhcp/dhclient.eth0.leases', 'var/lib/dhcp/README'],
  ['var/lib/dhcpcd/*.lease*', 'var/lib/dhcpcd/eth0.lease6', 'var/lib/dhcpcd/duid'],
  ['var/lib/NetworkManager/*', 'var/lib/NetworkManager/secret_key', 'var/lib/NetworkManager'],
  ['var/lib/systemd/network/**', 'var/lib/systemd/network/a/b', 'var/lib/systemd/network'],
  [
    'etc/udev/rules.d/70-persistent-*',
    'etc/udev/rules.d/70-persistent-net.rules',
    'etc/udev/rules.d/80-own.rules',
  ],
  ['var/lib/cloud/instance', 'var/lib/cloud/instance', 'var/lib/cloud/seed/nocloud/user-data'],
  ['var/lib/cloud/instances/**', 'var/lib/cloud/instances/i-1/boot-finished', 'var/lib/cloud/instances'],
  ['var/lib/cloud/data/**', 'var/lib/cloud/data/instance-id', 'var/lib/cloud/data'],
  ['var/lib/cloud/sem/**', 'var/lib/cloud/sem/config_scripts_per_once.once', 'var/lib/cloud'],
  ['var/log/wtmp', 'var/log/wtmp', 'var/run/wtmp'],
  ['var/log/btmp', 'var/log/btmp', 'etc/btmp'],
  ['var/log/lastlog', 'var/log/lastlog', 'usr/bin/lastlog'],
  ['var/log/faillog', 'var/log/faillog', 'usr/bin/faillog'],
  ['var/log/**', 'var/log/apt/term.log', 'var/logs/x'],
  ['root/.bash_history', 'root/.bash_history', 'root/.bashrc'],
  ['home/*/.bash_history', 'home/debian/.bash_history', 'home/debian/sub/.bash_history'],
  ['root/.*_history', 'root/.mysql_history', 'root/my_history'],
  ['home/*/.*_history', 'home/debian/.psql_history', 'home/debian/my_history'],
  ['root/.viminfo', 'root/.viminfo', 'root/.vimrc'],
  ['home/*/.viminfo', 'home/debian/.viminfo', 'home/.viminfo'],
  ['root/.lesshst', 'root/.lesshst', 'root/lesshst'],
  ['home/*/.lesshst', 'home/debian/.lesshst', 'home/debian/x.lesshst'],
  ['root/.wget-hsts', 'root/.wget-hsts', 'root/.wgetrc'],
  ['home/*/.wget-hsts', 'home/debian/.wget-hsts', 'home/debian/.wgetrc'],
  ['root/.python_history', 'root/.python_history', 'root/.pythonrc'],
  ['home/*/.python_history', 'home/debian/.python_history', 'home/debian/.pythonrc'],
  ['root/.ssh/**', 'root/.ssh/authorized_keys', 'root/.sshrc'],
  ['var/lib/*/.ssh/authorized_keys*', 'var/lib/git/.ssh/authorized_keys', 'var/lib/git/.ssh/config'],
  ['etc/passwd', 'etc/passwd', 'usr/passwd'],
  ['etc/shadow', 'etc/shadow', 'etc/shadow.d'],
  ['etc/gshadow', 'etc/gshadow', 'usr/gshadow'],
  ['home/*/.ssh/authorized_keys*', 'home/debian/.ssh/authorized_keys2', 'home/debian/.ssh/config'],
  ['etc/resolv.conf', 'etc/resolv.conf', 'etc/resolvconf.conf'],
  ['etc/hostname', 'etc/hostname', 'etc/hosts'],
  ['etc/mailname', 'etc/mailname', 'etc/mailcap'],
  ['etc/apt/apt.conf.d/*proxy*', 'etc/apt/apt.conf.d/02proxy', 'etc/apt/preferences.d/02proxy'],
  ['etc/apt/auth.conf', 'etc/apt/auth.conf', 'etc/apt/auth'],
  ['etc/apt/auth.conf.d/**', 'etc/apt/auth.conf.d/site.conf', 'etc/apt/auth.conf.d'],
  ['root/.netrc', 'root/.netrc', 'root/netrc'],
  ['root/.gnupg/**', 'root/.gnupg/private-keys-v1.d/x.key', 'root/.gnupg'],
  ['root/.docker/**', 'root/.docker/config.json', 'root/.dockerignore'],
  ['root/.aws/**', 'root/.aws/credentials', 'root/.aws'],
  ['root/.config/**', 'root/.config/gcloud/x.json', 'root/.configrc'],
  ['var/lib/apt/lists/**', 'var/lib/apt/lists/partial', 'var/lib/apt/extended_states'],
  ['var/cache/apt/*.bin', 'var/cache/apt/pkgcache.bin', 'var/cache/apt/archives'],
  ['var/cache/apt/archives/**', 'var/cache/apt/archives/x.deb', 'var/cache/apt/archives'],
  ['var/cache/debconf/*-old', 'var/cache/debconf/config.dat-old', 'var/cache/debconf/config.dat'],
  ['var/cache/man/**', 'var/cache/man/index.db', 'var/cache/man'],
  ['var/cache/ldconfig/**', 'var/cache/ldconfig/aux-cache', 'etc/ld.so.cache'],
  ['root/.cache/**', 'root/.cache/pip/x', 'root/.cache'],
  ['tmp/**', 'tmp/a/b', 'tmp'],
  ['var/tmp/**', 'var/tmp/a', 'var/tmp'],
  ['dev/**', 'dev/null', 'devices/null'],
  ['run/**', 'run/lock', 'run'],
  ['usr/sbin/policy-rc.d', 'usr/sbin/policy-rc.d', 'usr/sbin/policyd'],
  ['etc/.pwd.lock', 'etc/.pwd.lock', 'etc/pwd.lock'],
  ['etc/passwd-', 'etc/passwd-', 'etc/passwd-x'],
  ['etc/shadow-', 'etc/shadow-', 'etc/shadow-x'],
  ['etc/group-', 'etc/group-', 'etc/group'],
  ['etc/gshadow-', 'etc/gshadow-', 'etc/gshadow-x'],
  ['etc/subuid-', 'etc/subuid-', 'etc/subuid'],
  ['etc/subgid-', 'etc/subgid-', 'etc/subgid'],
  ['var/lib/dpkg/*-old', 'var/lib/dpkg/status-old', 'var/lib/dpkg/status'],
  ['var/backups/**', 'var/backups/dpkg.status.0', 'var/backups'],
  ['var/mail/*', 'var/mail/root', 'var/mail'],
  [
    'etc/apt/apt.conf.d/99mmdebstrap',
    'etc/apt/apt.conf.d/99mmdebstrap',
    'etc/apt/sources.list.d/99mmdebstrap',
  ],
  // Of these what is not read here counts as found.
  ['etc/environment', 'etc/environment', 'etc/environment.d/x.conf'],
  ['etc/profile.d/*', 'etc/profile.d/site.sh', 'etc/profile'],
  ['etc/apt/apt.conf', 'etc/apt/apt.conf', 'etc/apt/apt.conf.local'],
  ['etc/apt/apt.conf.d/*', 'etc/apt/apt.conf.d/20listchanges', 'etc/apt/apt.conf.dist'],
  ['etc/dpkg/dpkg.cfg.d/99mmdebstrap', 'etc/dpkg/dpkg.cfg.d/99mmdebstrap', 'etc/dpkg/dpkg.cfg.d/excludes'],
];

describe('the seal list', () => {
  it.each(TABLE)('%s catches %s and leaves %s', (_pattern, caught, left) => {
    expect(seen(caught)).toBe(true);
    expect(seen(left)).toBe(false);
  });

  it('has an example here of every pattern', () => {
    const patterns = SEAL.flatMap(rule => rule.paths);
    expect(TABLE.map(([pattern]) => pattern).sort()).toEqual([...patterns].sort());
  });

  it('wants some files empty, and others not at all', () => {
    for (const path of ['etc/machine-id', 'var/log/wtmp']) expect(seen(path, 'f', 0)).toBe(false);
    for (const path of ['var/lib/dbus/machine-id', 'var/log/dpkg.log']) expect(seen(path, 'f', 0)).toBe(true);
  });

  it('lets links and folders stay where only files matter, and nothing where all do', () => {
    expect(seen('etc/resolv.conf', 'l')).toBe(false);
    expect(seen('var/log/apt', 'd')).toBe(false);
    for (const type of ['l', 'd', 'p', 's', 'c']) expect(seen('tmp/x', type)).toBe(true);
  });

  it('knows the rule that decides, and why', () => {
    expect(ruleFor('var/log/wtmp')?.wanted).toBe('empty');
    expect(ruleFor('var/log/other')?.wanted).toBe('absent');
    for (const rule of SEAL) expect(rule.why).not.toBe('');
  });

  it('bears any path, and no character in it means anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        ruleFor(text);
        expect(seen(`tmp/${text}x`)).toBe(true);
        expect(ruleFor(`usr/share/${text}`)).toBeUndefined();
      }),
    );
    expect(seen('var/lib/dpkg/two\nlines-old')).toBe(true);
    expect(ruleFor('etcXssh/ssh_host_key')).toBeUndefined();
  });

  it('means by its patterns what bash means by them', async () => {
    const tree = await mkdtemp(join(tmpdir(), 'image-seal-'));
    try {
      const paths = await plant(tree);
      const patterns = SEAL.flatMap(rule => rule.paths);
      const matched = new Set(await globbed(tree, patterns));
      expect(matched.size).toBeGreaterThan(patterns.length - 10);
      for (const path of paths) expect(ruleFor(path) !== undefined, path).toBe(matched.has(path));
    } finally {
      await rm(tree, { recursive: true, force: true });
    }
  });

  it('is not slow on the longest names that a filesystem has', () => {
    const name = '.lease_proxy'.repeat(21);
    const paths = ['home/', 'home/a/.', 'etc/apt/apt.conf.d/', 'var/lib/dhcp/'].map(
      start => `${start}${`${name}/`.repeat(15)}`,
    );
    const started = performance.now();
    for (let round = 0; round < 100; round++) paths.forEach(ruleFor);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

/** All that the table names and names with strange letters, as files; gives every path of the tree. */
async function plant(tree: string): Promise<string[]> {
  const strange = ['var/log/a\nb', 'var/log/\u{1f600}/x', 'root/.\n_history', 'tmp/[x]/*', 'home/*/.viminfo'];
  const files = [...TABLE.flatMap(([, caught, left]) => [caught, left]), ...strange];
  for (const path of files) {
    // A neighbour may stand below a file of another row, or be the folder of one.
    if (files.some(other => other.startsWith(`${path}/`) || path.startsWith(`${other}/`))) continue;
    await mkdir(join(tree, dirname(path)), { recursive: true });
    await writeFile(join(tree, path), '');
  }
  const { stdout } = await run(['find', '.', '-mindepth', '1', '-printf', '%P\\0'], { cwd: tree });
  return stdout.split('\0').filter(path => path !== '');
}

/** What bash finds by patterns; for `folder/**` it names the folder itself too, with a slash at the end. */
async function globbed(tree: string, patterns: readonly string[]): Promise<string[]> {
  const script = `IFS=; for pattern; do printf '%s\\0' $pattern; done`;
  const options = ['dotglob', 'globstar', 'nullglob'].flatMap(name => ['-O', name]);
  const { stdout } = await run(['bash', ...options, '-c', script, 'glob', ...patterns], { cwd: tree });
  return stdout.split('\0').filter(path => path !== '' && !path.endsWith('/'));
}
