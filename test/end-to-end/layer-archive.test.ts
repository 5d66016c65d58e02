import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { BUILD, Chroot, REQUESTS, TREE } from '../../src/build/chroot.ts';
import { keySteps } from '../../src/build/layers/keys.ts';
import { Layers } from '../../src/build/layers/layers.ts';
import { ARCHIVE, LayerStore } from '../../src/build/layers/store.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const HOUR = 3_600_000;

/** Everything that can be special about a file. */
const FILL = `set -eu
mkdir -p "$1/etc" "$1/var" && cd "$1"
echo plain > etc/plain && chown 1000:65535 etc/plain && chmod 4755 etc/plain
ln etc/plain etc/twin && ln -s /nowhere etc/link && mkfifo var/pipe
touch -d '2001-02-03 04:05:06.789' "etc/$(printf 'two\\nlines')"
truncate -s 5M var/hole && echo end >> var/hole
mkdir -m 1777 var/tmp && touch -h -d @1000000000 etc/link var/tmp
python3 -c 'import os; os.setxattr("etc/plain", "user.note", b"x"); os.setxattr("etc/two\\nlines", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))'
`;

/** What of it must be there again; a directory's own size is the file system's business. */
const LIST = `cd "$1"
find . ! -type d -printf '%P %y %m %U:%G %n %s %b %T@ %l\\0' -o -printf '%P %y %m %U:%G %T@\\0' | LC_ALL=C sort -z | tr '\\0\\n' '\\n '
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
python3 -c 'import os
for path in ["etc/plain", "etc/two\\nlines"]:
  for name in sorted(os.listxattr(path)): print(name, os.getxattr(path, name).hex())'
`;

/** Real archives in a real sandbox. */
describe('a layer', () => {
  let folder: string;
  let draft: string;
  let workshop: OpenWorkshop;
  let chroot: Chroot;
  let now = Date.parse('2026-01-01');
  const { context, said } = recordingContext({ env: process.env, now: () => new Date(now) });

  const steps = keySteps('root', [
    { place: 'bootstrap', ingredients: 1 },
    { place: 'settle', ingredients: 1 },
    { place: 'install.d/1-a', ingredients: 1 },
    { place: 'finalise.d/1-b', ingredients: 1 },
  ]);
  const inSandbox = (script: string) => workshop.sandbox.run(['sh', '-c', script, 'test', TREE]);
  const beside = (script: string) => chroot.outside(['bash', '-c', script, 'test', TREE]);
  const layers = (age = HOUR, declared = new Map<string, 'open' | 'closed'>()) => {
    const log = new BuildLog(context, join(folder, 'build.log'));
    const room = { store: new LayerStore(context, folder), draft, age };
    const bound = { hooks: 'h', disk: 'd' };
    return Layers.start(
      { context, sandbox: workshop.sandbox, chroot, log },
      { ...room, line: 'x', engine: 1, steps, bound, lists: [], declared },
    );
  };
  /** A step that took so long that a layer is worth it. */
  const pass = async (build: Layers, place: string, who?: string) => {
    now += 10_000;
    await build.passed(place, who);
  };
  const kept = async () =>
    (await readdir(folder)).filter(name => steps.some(each => each.key === name)).length;
  const forget = async () => {
    for (const { key } of steps) await rm(join(folder, key), { recursive: true, force: true });
  };

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/image-factory-layers-');
    draft = join(folder, 'draft');
    await mkdir(draft);
    const prepare = async (work: string) => {
      await mkdir(join(work, 'elements/hooks'), { recursive: true });
    };
    workshop = await openOwnWorkshop(context, prepare, draft);
    chroot = await Chroot.open(workshop.sandbox, 'layers');
    await inSandbox(FILL);
  });

  afterAll(async () => {
    await workshop?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('brings back the tree as it was, and the next build goes on from there', async () => {
    const { stdout: before } = await inSandbox(LIST);
    expect(before).toContain('security.capability');
    await pass(await layers(), 'bootstrap');
    await inSandbox('rm -r "$1/etc" && echo other > "$1/var/other"');
    const build = await layers();
    expect(['bootstrap', 'settle'].map(place => build.isDone(place))).toEqual([true, false]);
    expect((await inSandbox(LIST)).stdout).toBe(before);
    expect(await readdir(draft)).toEqual([]);
  });

  it('is out of sight of what runs inside', async () => {
    const { stdout } = await beside('cat /proc/self/mountinfo; ls -l /proc/*/fd');
    expect(stdout).not.toContain(folder);
    expect(stdout).not.toContain(ARCHIVE);
  });

  it('with one byte changed is noticed and goes, and the tree is empty again', async () => {
    const [{ key = '' } = {}] = steps;
    const file = await open(join(folder, key, ARCHIVE), 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, Math.floor((await file.stat()).size / 2));
    await file.close();
    const build = await layers();
    expect(build.isDone('bootstrap')).toBe(false);
    expect(said.at(-1)).toMatch(/^warn: the layer after bootstrap is damaged, and goes: /);
    expect(await kept()).toBe(0);
    await expect(inSandbox('test -e "$1"')).rejects.toThrow(/status 1/);
    expect((await inSandbox(`ls ${BUILD}`)).stdout).toBe('home\nhooks\nimage\nlockfiles\nrequests\n');
  });

  it.each<[string, string, string]>([
    ['a process', 'nohup tail -f /dev/null > /dev/null 2>&1 &', 'kill $(pgrep tail)'],
    ['a mount', 'mkdir -p $1/mnt && mount --bind /var $1/mnt', 'umount $1/mnt'],
    ['a file beside the tree', 'touch /tmp/left', 'rm /tmp/left'],
  ])('is not kept while a script has left %s', async (_what, leave, remove) => {
    await inSandbox('mkdir -p "$1/run"');
    await beside(leave);
    await pass(await layers(), 'bootstrap');
    expect(await kept()).toBe(0);
    await beside(remove);
    await pass(await layers(), 'bootstrap');
    expect(await kept()).toBe(1);
    await forget();
  });

  it('after a script that spoke to the network serves for a while only, unless it is declared closed', async () => {
    const speak = 'echo > /dev/udp/10.0.2.3/53';
    const script = 'install.d/1-a';
    for (const [declared, speaks, open] of [
      [undefined, true, true],
      [undefined, false, false],
      ['closed', true, false],
      ['open', false, true],
    ] as const) {
      await forget();
      const told = new Map(declared === undefined ? [] : ([[script, declared]] as const));
      const build = await layers(HOUR, told);
      await build.passed('settle');
      if (speaks) await beside(speak);
      await pass(build, script, 'element a: install.d/1-a');
      expect(await kept()).toBe(1);
      expect((await layers(HOUR, told)).isDone(script)).toBe(true);
      now += 2 * HOUR;
      expect((await layers(HOUR, told)).isDone(script)).toBe(!open);
    }
  });

  it('notes what in it must not leave this host', async () => {
    await inSandbox(
      'mkdir -p "$1/root" "$1/etc/ssh" && echo x > "$1/root/.netrc" && echo x > "$1/etc/ssh/ssh_host_key"',
    );
    await pass(await layers(), 'bootstrap');
    const [{ key = '' } = {}] = steps;
    expect((await new LayerStore(context, folder).find(key))?.secrets).toEqual(['root/.netrc']);
    await inSandbox('rm -r "$1/root" "$1/etc"');
    await forget();
  });

  describe('of an initramfs', () => {
    const TIME = '@1000000000';
    const MAKE = `cd "$1" && cat usr/sbin/mkinitramfs etc/read > boot/initrd.img-1 && sha1sum < boot/initrd.img-1 > var/lib/initramfs-tools/1`;
    const SOURCES = `cd "$1" && mkdir -p usr/sbin etc boot var/lib/initramfs-tools && rm -f boot/* etc/* var/lib/initramfs-tools/*
echo program > usr/sbin/mkinitramfs; echo read > etc/read; echo other > etc/other; ln -s read etc/link
touch -h -d ${TIME} usr/sbin/mkinitramfs etc/* boot var/lib/initramfs-tools`;

    /** @returns how often it was made, and what stands in the tree then */
    async function initramfs(change = '', make = MAKE, epoch = '2000000000') {
      await inSandbox(`${SOURCES}\n${change}`);
      const build = await layers();
      let made = 0;
      await build.initramfs({
        environment: { SOURCE_DATE_EPOCH: epoch },
        make: async () => {
          made++;
          await inSandbox(make);
        },
      });
      const { stdout } = await inSandbox(
        'cd "$1" && cat boot/initrd.img-1 && stat -c %Y boot boot/initrd.img-1',
      );
      const [program, read, ...times] = stdout.split('\n');
      return {
        made,
        content: [program, read],
        isNow: times.slice(0, 2).every(each => Number(each) > 1_600_000_000),
      };
    }

    const fresh = { made: 1, content: ['program', 'read'], isNow: true };

    it('brings it back with the times of now, as long as what was read is the same', async () => {
      expect(await initramfs()).toEqual(fresh);
      expect(await initramfs()).toEqual({ ...fresh, made: 0 });
      expect(await initramfs('echo changed > etc/other')).toEqual({ ...fresh, made: 0 });
    });

    it.each([
      [
        'what was read is another',
        `echo changed > etc/read && touch -d ${TIME} etc/read`,
        ['program', 'changed'],
      ],
      ['what was read is of another time', 'touch -d @1000000001 etc/read', ['program', 'read']],
      ['something has come', 'touch etc/new', ['program', 'read']],
      ['something has gone', 'rm etc/other', ['program', 'read']],
      ['something leads elsewhere', 'ln -sfn other etc/link', ['program', 'read']],
      ['something may be run', 'chmod 755 etc/other', ['program', 'read']],
      ['something is empty', ': > etc/other', ['program', 'read']],
    ])('has it made when %s, and brings that back then', async (_what, change, content) => {
      await initramfs();
      expect(await initramfs(change)).toMatchObject({ made: 1, content });
      expect(await initramfs(change)).toMatchObject({ made: 0, content });
    });

    it('does not mind times that the epoch cuts', async () => {
      const later = (seconds: number) =>
        initramfs(`touch -d @${1_500_000_000 + seconds} etc/read`, MAKE, '1400000000');
      expect(await later(0)).toEqual(fresh);
      expect(await later(1)).toEqual({ ...fresh, made: 0 });
    });

    it.each([
      ['writes elsewhere', `${MAKE}; echo 1 > etc/other`],
      ['leaves something else', `${MAKE}; touch etc/more`],
      ['has asked for the identity of the disk', `${MAKE}; touch ${REQUESTS}/uuid-told`],
    ])('is none when its making %s', async (_what, make) => {
      const [change, epoch] = ['echo once > etc/read', '1900000000'];
      expect((await initramfs(change, make, epoch)).made).toBe(1);
      await inSandbox(`rm -f "$1/etc/more" ${REQUESTS}/uuid-told`);
      expect((await initramfs(change, make, epoch)).made).toBe(1);
    });
  });
});
