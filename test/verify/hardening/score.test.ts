import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withContent } from '../../../src/image/content.ts';
import { parseProfile } from '../../../src/verify/hardening/profile.ts';
import { regressions, scoreOf } from '../../../src/verify/hardening/score.ts';
import { makeDisk } from '../../image/made-disk.ts';

const PROFILE = new URL('../../../profiles/hardening', import.meta.url);

/** The names of the rules that an image of these files meets; a text beginning with `->` is a symlink. */
async function met(files: Readonly<Record<string, string>>, rules: string, waivers = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-hardening-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries({ 'etc/machine-id': '', ...files })) {
    const target = join(folder, 'tree', path);
    await mkdir(dirname(target), { recursive: true });
    if (text.startsWith('->')) await symlink(text.slice(2), target);
    else await writeFile(target, text);
    if (path === 'etc/shadow') await chmod(target, 0o644);
  }
  const raw = join(folder, 'disk.raw');
  await makeDisk(join(folder, 'tree'), raw);
  const filesystems = [{ partition: 2, mountPoint: '/' }];
  return withContent(raw, filesystems, content => scoreOf(content, parseProfile(rules), waivers));
}

const DMESG = 'a | sysctl | kernel.dmesg_restrict = 1 | 0 | why\n';
const FILTER = 'a | sysctl | net.ipv4.conf.all.rp_filter = 2 | 0 | why\n';
const ROOT = 'a | sshd | PermitRootLogin no | prohibit-password | why\n';
const INCLUDE = 'Include /etc/ssh/sshd_config.d/*.conf\n';

const CASES: [string, string, Record<string, string>, boolean][] = [
  ['what nobody sets is built in', 'a | sysctl | kernel.x = 2 | 2 | why\n', {}, true],
  ['what nobody sets may be too little', DMESG, {}, false],
  ['a file sets a key', DMESG, { 'etc/sysctl.d/10.conf': 'kernel.dmesg_restrict=1\n' }, true],
  [
    'the last file has the last word',
    DMESG,
    {
      'etc/sysctl.d/10.conf': 'kernel.dmesg_restrict=1',
      'usr/lib/sysctl.d/99.conf': 'kernel.dmesg_restrict = 0',
    },
    false,
  ],
  [
    'a file in /etc stands for the one of its name',
    DMESG,
    {
      'etc/sysctl.d/99.conf': 'kernel.dmesg_restrict=1',
      'usr/lib/sysctl.d/99.conf': 'kernel.dmesg_restrict = 0',
    },
    true,
  ],
  ['a pattern sets keys', FILTER, { 'etc/sysctl.d/10.conf': 'net.ipv4.conf.*.rp_filter = 2' }, true],
  [
    'a key that is named outright is not for a pattern',
    FILTER,
    { 'etc/sysctl.d/10.conf': 'net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.*.rp_filter = 2' },
    false,
  ],
  ['sshd has its own default', ROOT, { 'etc/ssh/sshd_config': '#PermitRootLogin no\n' }, false],
  [
    'what sshd reads first counts',
    ROOT,
    {
      'etc/ssh/sshd_config': `${INCLUDE}PermitRootLogin yes`,
      'etc/ssh/sshd_config.d/1.conf': 'permitrootlogin no',
    },
    true,
  ],
  [
    'what an included file says first counts too',
    ROOT,
    {
      'etc/ssh/sshd_config': `${INCLUDE}PermitRootLogin no`,
      'etc/ssh/sshd_config.d/1.conf': 'PermitRootLogin yes',
    },
    false,
  ],
  [
    'what sshd says of some users only does not count',
    ROOT,
    { 'etc/ssh/sshd_config': 'Match User x\nPermitRootLogin no' },
    false,
  ],
  ['a module that is not there cannot be loaded', 'a | module | dccp | - | why\n', {}, true],
  [
    'a module may be loaded',
    'a | module | dccp | - | why\n',
    { 'usr/lib/modules/6/net/dccp.ko': 'x' },
    false,
  ],
  [
    'a module is switched off',
    'a | module | dccp | - | why\n',
    { 'usr/lib/modules/6/net/dccp.ko': 'x', 'etc/modprobe.d/x.conf': 'install dccp /bin/false' },
    true,
  ],
  ['a mode gives too much', 'a | mode | 0640 /etc/shadow | - | why\n', { 'etc/shadow': '' }, false],
  [
    'a unit is masked',
    'a | masked | x.service | - | why\n',
    { 'etc/systemd/system/x.service': '->/dev/null' },
    true,
  ],
  ['a unit is not masked', 'a | masked | x.service | - | why\n', {}, false],
  [
    'a mount has its options',
    'a | mount | /tmp nosuid | - | why\n',
    { 'etc/fstab': 'tmpfs /tmp tmpfs nosuid,nodev' },
    true,
  ],
  [
    'a mount lacks an option',
    'a | mount | /tmp nosuid | - | why\n',
    { 'etc/fstab': 'tmpfs /tmp tmpfs defaults' },
    false,
  ],
];

test.each(CASES)('%s', async (_what, rule, files, good) => {
  expect((await met(files, rule)).points).toBe(good ? 100 : 0);
});

test('what is waived does not count', async () => {
  const both = `${DMESG}b | sysctl | kernel.y = 1 | 1 | why\n`;
  expect(await met({}, both)).toEqual({ points: 50, met: ['b'], missed: ['a'], waived: [] });
  expect(await met({}, both, { a: 'ours' })).toEqual({ points: 100, met: ['b'], missed: [], waived: ['a'] });
});

test('only what was met before and is not waived is a regression', () => {
  const now = { points: 0, met: ['a'], missed: ['b', 'c'], waived: ['d'] };
  expect(regressions({ met: ['a', 'b', 'd'] }, now)).toEqual(['b']);
});

test('every line of the profile is a rule of its own, with its reason', async () => {
  const rules = parseProfile(await readFile(PROFILE, 'utf8'));
  expect(rules.length).toBeGreaterThan(40);
  expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  for (const { why, name } of rules) expect(why.length, name).toBeGreaterThan(5);
  expect(() => parseProfile('a | nothing | x | - | why')).toThrow(/no rule/);
});
