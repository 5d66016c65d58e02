import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layOut } from '../../src/build/build.ts';
import { BuildLog } from '../../src/build/build-log.ts';
import { inTree as inBareTree, TREE } from '../../src/build/chroot.ts';
import { listTree } from '../../src/build/disk.ts';
import type { Hooks } from '../../src/build/hooks.ts';
import { type Preparation, prepare } from '../../src/build/prepare.ts';
import { sealTree } from '../../src/build/seal.ts';
import { type BuiltTree, buildTree } from '../../src/build/tree.ts';
import { loadFactory } from '../../src/definition/factory.ts';
import { createContext } from '../../src/host/context.ts';
import { laySources } from '../elements/sources.ts';
import { LEFTOVERS } from '../image/leftovers.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

/** For one command, what programs expect in a running system. */
const MOUNTED = `set -eu
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/tmp"
tree=$1
shift
exec chroot "$tree" "$@"`;

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl owner';
const HASH = '$y$j9T$KNEy4/H4cBuqYiI0D1rVh.$e2Y3DFbEWpfVEQ0RwUB8HWqVU8ExRkqY9TnDMDZYxvD';

const FACTORY = `
images:
  debian:
    releases: [12]
    elements: [datasources, local-config, hardening, own-module, sources]
    user: { name: owner, sudo: password, ssh-keys: ["${KEY}"], password-hash: "${HASH}" }
    hardening: { except: { sysrq: "the console is ours alone", module-sctp: "telephony" } }
    environment:
      DIB_CLOUD_INIT_DATASOURCES: "ConfigDrive, OpenStack"
      DIB_LOCAL_CONFIG_TIMEZONE: Europe/Berlin
      DIB_LOCAL_CONFIG_KEYMAP: de
      DIB_LOCAL_CONFIG_NTP: ntp.example
`;

/** One tree with all elements that come with the repository: what each promises is looked for in it. */
describe('the elements of this repository, built together', () => {
  const context = createContext({ env: process.env });
  let workshop: OpenWorkshop;
  let preparation: Preparation;
  let log: BuildLog;
  let built: BuiltTree;
  let commit = '';

  const mounted = (argv: readonly string[], accept = [0]) =>
    workshop.sandbox.run(['sh', '-c', MOUNTED, 'mounted', TREE, ...argv], { accept });
  const inTree = async (...argv: string[]) => (await mounted(argv)).stdout;
  const text = (path: string) => inTree('cat', path);
  const enabled = (unit: string) => mounted(['systemctl', 'is-enabled', unit], [0, 1]);

  beforeAll(async () => {
    let hooks: Hooks | undefined;
    workshop = await openOwnWorkshop(context, async work => {
      const file = join(work, 'factory.yaml');
      await writeFile(file, FACTORY);
      commit = await laySources(join(work, 'own'));
      const { images, elementPaths } = await loadFactory(file, {
        builtinElements: resolve('elements'),
        moreElements: [resolve('examples/hardware/elements'), join(work, 'own')],
      });
      const [line] = images;
      if (line === undefined) throw new TypeError('no line');
      preparation = await prepare(context, { line, elementPaths, directory: work });
      hooks = await layOut(preparation, work);
    });
    if (hooks === undefined) throw new TypeError('no hooks');
    log = new BuildLog(context, join(workshop.work, 'build.log'));
    try {
      const request = { ...preparation, hooks, name: 'own-elements', patience: 60 };
      built = await buildTree(workshop.sandbox, request, log);
    } catch (error) {
      console.error((await readFile(log.file, 'utf8')).split('\n').slice(-40).join('\n'));
      throw error;
    }
  });

  afterAll(() => workshop?.close());

  it('base-system: a kernel with its initramfs, an init, and time', async () => {
    const boot = await inTree('ls', '/boot');
    const version = /vmlinuz-(\S+)/.exec(boot)?.[1];
    expect(version).toMatch(/cloud-amd64$/);
    expect(boot).toContain(`initrd.img-${version}`);
    expect((await enabled('systemd-timesyncd')).stdout).toBe('enabled\n');
    expect(await inTree('readlink', '/sbin/init')).toContain('systemd');
  });

  it('cloud-init and datasources: only what was named, in words that cloud-init takes', async () => {
    const script =
      'from cloudinit import util; c = util.read_conf_with_confd("/etc/cloud/cloud.cfg"); print(",".join(c["datasource_list"]), c["disable_root"], c["ssh_pwauth"], c["apt"]["preserve_sources_list"], c["growpart"]["mode"], c["resize_rootfs"])';
    expect(await inTree('python3', '-c', script)).toBe(
      'ConfigDrive,OpenStack,None True False True auto True\n',
    );
  });

  it('grow-root: by growpart, and by systemd where cloud-init stays away', async () => {
    expect(await inTree('growpart', '--version').catch(() => inTree('ls', '/usr/bin/growpart'))).not.toBe('');
    expect(await text('/etc/fstab')).toMatch(/ \/ ext4 \S*x-systemd\.growfs/);
  });

  it('ssh-server: keys only, host keys at first boot', async () => {
    expect((await enabled('ssh-host-keys')).stdout).toBe('enabled\n');
    await inTree('systemd-analyze', 'verify', '--man=no', '/etc/systemd/system/ssh-host-keys.service');
    const script = 'ssh-keygen -qt ed25519 -N "" -f /run/k && mkdir -p /run/sshd && sshd -T -h /run/k';
    const settings = await inTree('sh', '-c', script);
    for (const each of ['passwordauthentication no', 'permitrootlogin no', 'kbdinteractiveauthentication no'])
      expect(settings).toContain(`${each}\n`);
  });

  it('dhcp-all-interfaces and serial-console: their units are enabled', async () => {
    for (const unit of ['systemd-networkd', 'systemd-resolved', 'serial-getty@ttyS0'])
      expect([unit, (await enabled(unit)).stdout]).toEqual([unit, 'enabled\n']);
    expect(await text('/etc/systemd/network/80-dhcp-all-interfaces.network')).toContain('DHCP=yes');
    expect(await text('/etc/default/grub')).toContain('console=ttyS0');
  });

  it('default-user: its key, its password and its right are there, and it is what cloud-init will take', async () => {
    expect(await text('/home/owner/.ssh/authorized_keys')).toBe(`${KEY}\n`);
    expect(
      await inTree('stat', '-c', '%a %U %G', '/home/owner/.ssh', '/home/owner/.ssh/authorized_keys'),
    ).toBe('700 owner owner\n600 owner owner\n');
    expect(await inTree('getent', 'shadow', 'owner')).toContain(`owner:${HASH}:`);
    expect((await inTree('id', '-nG', 'owner')).split(/\s/)).toContain('sudo');
    const script =
      'from cloudinit import util; c = util.read_conf_with_confd("/etc/cloud/cloud.cfg")["system_info"]["default_user"]; print(c["name"], c["lock_passwd"], c["sudo"])';
    expect(await inTree('python3', '-c', script)).toBe("owner False ['ALL=(ALL) ALL']\n");
  });

  it('local-config: time zone, keymap and time servers', async () => {
    expect(await inTree('readlink', '/etc/localtime')).toBe('/usr/share/zoneinfo/Europe/Berlin\n');
    expect(await text('/etc/vconsole.conf')).toBe('KEYMAP=de\n');
    expect(await text('/etc/systemd/timesyncd.conf.d/50-local-config.conf')).toBe(
      '[Time]\nNTP=ntp.example\n',
    );
  });

  it('hardening: every rule stands with its reason where its reader looks, but for those left out', async () => {
    const sysctl = await text('/etc/sysctl.d/99-zz-hardening.conf');
    expect(sysctl).toMatch(/^# kptr-restrict: \S.*\nkernel\.kptr_restrict = 2$/m);
    expect(sysctl).not.toContain('sysrq');
    const modprobe = await text('/etc/modprobe.d/hardening.conf');
    expect(modprobe).toMatch(/^install cramfs \/bin\/false$/m);
    expect(modprobe).not.toContain('sctp');
    expect(await inTree('modprobe', '--showconfig')).toContain('install cramfs /bin/false');
    const script = 'ssh-keygen -qt ed25519 -N "" -f /run/k && mkdir -p /run/sshd && sshd -T -h /run/k';
    const settings = await inTree('sh', '-c', script);
    for (const each of ['maxauthtries 4', 'x11forwarding no', 'loglevel VERBOSE', 'maxstartups 10:30:60'])
      expect(settings).toContain(`${each}\n`);
    expect(await text('/etc/login.defs')).toMatch(/^UMASK 027$/m);
    expect((await text('/etc/login.defs')).match(/^UMASK/gm)).toHaveLength(1);
    expect(await text('/etc/security/limits.d/60-hardening.conf')).toContain('* hard core 0\n');
    expect(await text('/etc/sudoers.d/60-hardening')).toContain('Defaults use_pty\n');
    expect(
      await inTree('stat', '-c', '%a', '/root', '/etc/ssh/sshd_config', '/etc/sudoers.d/60-hardening'),
    ).toBe('700\n600\n440\n');
    expect((await enabled('ctrl-alt-del.target')).stdout).toBe('masked\n');
  });

  it('source-repositories and cache-url: a repository and an archive are there, by commit and digest', async () => {
    for (const path of ['/opt/tool/tool', '/opt/data/tool']) expect(await text(path)).toBe('by git\n');
    expect(await inTree('stat', '-c', '%u:%g', '/opt/data/tool', '/opt/tool/.git/config')).toBe('0:0\n0:0\n');
    expect([...built.sourceRepositories].sort((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
      { name: 'data', kind: 'tar', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { name: 'tool', kind: 'git', commit },
    ]);
  });

  it('own-module of examples/hardware: dkms has built it for the kernel, and nothing of the building is left', async () => {
    const [path = '', ...more] = (await inTree('find', '/lib/modules', '-name', 'own_module.ko*'))
      .trim()
      .split('\n');
    expect(more).toEqual([]);
    const kernel = /^\/lib\/modules\/([^/]+)\/updates\/dkms\//.exec(path)?.[1] ?? '';
    expect(await inTree('modinfo', '-k', kernel, '-F', 'vermagic', 'own_module')).toMatch(
      new RegExp(`^${kernel} `),
    );
    expect(await inTree('modprobe', '-n', '-v', '-S', kernel, 'own_module')).toContain(path);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
    const installed = await inTree('dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n');
    expect(
      installed.match(/^(dkms|gcc|gcc-\d+|cpp-\d+|make|linux-(headers|kbuild)\S*) installed$/gm) ?? [],
    ).toEqual([]);
  });

  it('the seal takes away all that a build leaves behind, and leaves what was asked for', async () => {
    for (const [path, content] of Object.values(LEFTOVERS).flatMap(each => Object.entries(each))) {
      // Accounts are the image's own, with one line more.
      const script = 'mkdir -p "$(dirname "$1")"; [ ! -L "$1" ] || rm "$1"; cat >> "$1"';
      await inBareTree(workshop.sandbox, ['sh', '-c', script, 'plant', `/${path}`], { input: content });
    }
    const { user } = preparation.line;
    await sealTree(workshop.sandbox, user);
    const left = new Set((await listTree(workshop.sandbox)).map(entry => entry.path));
    const gone = Object.values(LEFTOVERS).flatMap(each => Object.keys(each));
    const cleaned = ['etc/environment', 'etc/profile.d/site.sh', 'etc/apt/apt.conf.d/20site'];
    const stay = ['etc/machine-id', 'var/log/wtmp', 'etc/shadow', 'etc/gshadow', 'etc/passwd', ...cleaned];
    expect(gone.filter(path => left.has(path)).sort()).toEqual(stay.sort());
    const bare = async (...argv: string[]) => (await inBareTree(workshop.sandbox, argv)).stdout;
    expect(await bare('cat', '/etc/machine-id', '/var/log/wtmp')).toBe('');
    const shadow = await bare('cat', '/etc/shadow');
    expect(shadow.split(HASH)).toHaveLength(2);
    expect(shadow).toContain(`owner:${HASH}:`);
    expect(await bare('cat', '/etc/gshadow')).toContain('sudo:!::debian\n');
    expect(await bare('cat', '/home/owner/.ssh/authorized_keys')).toBe(`${KEY}\n`);
    expect(await bare('stat', '-c', '%a %U:%G', '/etc/shadow', '/home/owner/.ssh/authorized_keys')).toBe(
      '640 root:shadow\n600 owner:owner\n',
    );
    expect(await sealTree(workshop.sandbox, user)).toBe(0);
    const grep = ['grep', '-rlF', '-e', 'builder-7', '-e', 'proxy-7.example', TREE];
    expect((await workshop.sandbox.run(grep, { accept: [1] })).stdout).toBe('');
  });
});
