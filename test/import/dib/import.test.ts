import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DefinitionError } from '../../../src/host/errors.ts';
import { importDib } from '../../../src/import/dib/import.ts';
import { OPTIONS, readOptions } from '../../../src/import/dib/options.ts';
import { load } from '../../definition/support.ts';

const imported = (command: string, environment = {}) =>
  importDib(command.split(' '), { DIB_RELEASE: 'bookworm', ...environment });
const settings = (command: string, environment = {}) =>
  parse(imported(command, environment).text).images as unknown;

describe('a disk-image-create command line', () => {
  it('becomes an image of a factory file', () => {
    const command =
      'disk-image-create -a amd64 -o out/nightly-12.qcow2 -t qcow2,raw -p tmux,htop --mkfs-journal-size 128 --image-extra-size=2 --install-type package vm debian-minimal cloud-init';
    const environment = { DIB_CLOUD_INIT_DATASOURCES: 'ConfigDrive, OpenStack', HOME: '/root' };
    expect(settings(command, environment)).toEqual({
      nightly: {
        distribution: 'debian',
        releases: [12],
        elements: ['base', 'vm', 'debian-minimal', 'cloud-init'],
        architectures: ['amd64'],
        forms: ['qcow2', 'raw'],
        packages: ['tmux', 'htop'],
        disk: { journal: '128MiB', reserve: '2048MiB' },
        environment: {
          DIB_DEFAULT_INSTALLTYPE: 'package',
          DIB_CLOUD_INIT_DATASOURCES: 'ConfigDrive, OpenStack',
        },
      },
    });
  });

  it('may bundle letters, cut long names short and put elements anywhere', () => {
    const { options, elements } = readOptions(['vm', '-xnpa,b', '--image-s=3', '-ox', '--', '-debian']);
    expect(options).toEqual([
      { name: 'x' },
      { name: 'n' },
      { name: 'p', value: 'a,b' },
      { name: 'image-size', value: '3' },
      { name: 'o', value: 'x' },
    ]);
    expect(elements).toEqual(['vm', '-debian']);
  });

  it.each([
    ['-q vm', /no option -q/],
    ['--nope vm', /no option --nope/],
    ['--image vm', /no option --image/],
    ['vm -o', /-o takes a value/],
    ['--checksum=1 vm', /--checksum takes no value/],
    ['-n vm fedora-minimal', /none of the elements brings an operating system/],
    ['ramdisk-image-create debian-minimal', /makes a ramdisk/],
  ])('%s is refused', (command, message) => {
    const act = () => importDib(command.split(' '), { DIB_RELEASE: '12' });
    expect(act).toThrow(DefinitionError);
    expect(act).toThrow(message);
  });

  it('without -n has the element base, and with -c no environment', () => {
    const bare = imported('-n -c debian-minimal', { DIB_X: '1', DIB_RELEASE: '12' });
    expect(parse(bare.text).images.debian).toEqual({
      distribution: 'debian',
      releases: [13],
      elements: ['debian-minimal'],
    });
    expect(bare.notes.map(({ what }) => what)).toEqual(['DIB_RELEASE', '-c']);
  });

  it('that asks for a release nobody builds is refused, and stable is said to be one', () => {
    expect(() => imported('debian-minimal', { DIB_RELEASE: 'sid' })).toThrow(/DIB_RELEASE is sid/);
    expect(imported('debian-minimal', { DIB_RELEASE: undefined }).notes[0]?.why).toMatch(/newest .* 13$/);
  });
});

describe('what is not carried over', () => {
  it.each([
    ['-x debian-minimal', {}, '-x'],
    ['-u debian-minimal', {}, '-u'],
    ['--logfile=a debian-minimal', {}, '--logfile'],
    ['-a arm64 debian-minimal', {}, '-a arm64'],
    ['-t vhd debian-minimal', {}, '-t vhd'],
    ['--image-size 20 debian-minimal', {}, '--image-size'],
    ['-p grub- debian-minimal', {}, '-p grub-'],
    ['-p -grub debian-minimal', {}, '-p -grub'],
    ['-o a/b debian-minimal', {}, '-o a/b'],
    ['--root-label cirros debian-minimal', {}, '--root-label'],
    ['debian-minimal', { DIB_DEV_USER_PASSWORD: 'hunter2' }, 'DIB_DEV_USER_PASSWORD'],
    ['debian-minimal', { ELEMENTS_PATH: '/srv/a:/srv/\u0001' }, 'ELEMENTS_PATH'],
    ['debian-minimal', { DIB_ROOTPW: 'hunter2' }, 'DIB_ROOTPW'],
    ['debian-minimal', { DIB_X: 'two\nlines' }, 'DIB_X'],
    ['debian-minimal', { http_proxy: 'http://proxy.example' }, 'http_proxy'],
    ['debian-minimal', { FS_TYPE: 'reiserfs' }, 'FS_TYPE=reiserfs'],
    ['debian-minimal', { DIB_DISTRIBUTION_MIRROR: 'http://u:p@h.example/debian' }, 'DIB_DISTRIBUTION_MIRROR'],
    ['debian-minimal', { DIB_BLOCK_DEVICE_CONFIG: 'file:///srv/b.yaml' }, 'DIB_BLOCK_DEVICE_CONFIG'],
  ])('%s %j is told with a reason', (command, environment, what) => {
    const { notes, text } = imported(command, environment);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toEqual({ what, why: expect.stringMatching(/\S.{15,}/) });
    expect(text).toContain(`#   ${what}: ${notes[0]?.why}`);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('u:p@');
  });

  it('leaves alone the variables that nobody there reads', () => {
    const { notes, text } = imported('debian-minimal', { HOME: '/root', MAIL: 'x', OS_PASSWORD: 'y' });
    expect(notes).toEqual([]);
    expect(text).not.toMatch(/MAIL|HOME/);
  });

  it('carries or tells every variable of a file that is the environment of the command', () => {
    const given = { DIB_RELEASE: '12', AMP_USE: 'nft', AMP_ROOTPW: 'hunter2', PATH: '/bin', LOCAL: 'a\nb' };
    const { notes, text } = importDib(['debian-minimal'], given, { all: true });
    expect(parse(text).images.debian.environment).toEqual({ AMP_USE: 'nft' });
    expect(notes.map(({ what }) => what)).toEqual(['AMP_ROOTPW', 'LOCAL']);
    expect(text).not.toContain('hunter2');
  });

  it('carries where elements are looked for, in that order', () => {
    const { text, notes } = imported('debian-minimal', { ELEMENTS_PATH: '../b:/srv/a' });
    expect(parse(text)['elements-path']).toEqual(['../b', '/srv/a']);
    expect(notes).toEqual([]);
  });
});

const value = fc.constantFrom(
  '1',
  '20',
  '0.5',
  'x',
  'amd64',
  'arm64',
  'qcow2,tgz',
  'raw',
  'a b',
  "it's",
  '-',
  'ext4',
);
const option = fc
  .tuple(fc.constantFrom(...Object.keys(OPTIONS)), value)
  .map(([name, text]) => [name.length === 1 ? `-${name}` : `--${name}`, ...(OPTIONS[name] ? [text] : [])]);
const element = fc.constantFrom('vm', 'base', 'cloud-init', 'growroot', 'own_one').map(name => [name]);
const name = fc.oneof(
  fc.constantFrom(
    'ARCH',
    'FS_TYPE',
    'ELEMENTS_PATH',
    'DIB_IMAGE_SIZE',
    'DIB_JOURNAL_SIZE',
    'DIB_BLOCK_DEVICE_CONFIG',
  ),
  fc.stringMatching(/^DIB_[A-Z_]{1,12}$/),
);
const environment = fc.dictionary(name, fc.oneof(value, fc.string({ unit: 'binary' })), { maxKeys: 6 });

it('gives a factory file that can be read, whatever is given, and every word is carried or told', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(option, element), { maxLength: 10 }),
      environment,
      async (parts, given) => {
        const words = ['disk-image-create', ...parts.flat(), 'debian-minimal'];
        const { text, notes } = importDib(words, { ...given, DIB_RELEASE: '13' });
        const told = (what: string) => notes.some(note => note.what.startsWith(what));
        const entry = Object.values(parse(text).images)[0] as Record<string, object>;
        const definition = await load(text.replace(/^ +elements: .*$/m, ''));
        expect(definition.factory.images.length).toBeGreaterThan(0);
        if (parts.flat().includes('-c')) return;
        for (const key of Object.keys(given)) {
          const carried = [Object.keys(entry.environment ?? {}), Object.keys(entry.disk ?? {})].flat();
          const words: Record<string, string> = {
            FS_TYPE: 'filesystem',
            DIB_JOURNAL_SIZE: 'journal',
            DIB_BLOCK_DEVICE_CONFIG: 'config',
          };
          if (key === 'ELEMENTS_PATH') carried.push(...('elements-path' in parse(text) ? [key] : []));
          if (key !== 'ARCH' && !/^:*$/.test(given[key] ?? ''))
            expect([key, told(key) || carried.includes(words[key] ?? key)]).toEqual([key, true]);
        }
        for (const [flag = ''] of parts.filter(each => each[0]?.startsWith('-'))) {
          const carried = [
            '-a',
            '-o',
            '-t',
            '-p',
            '-n',
            '--root-label',
            '--install-type',
            '--image-extra-size',
            '--mkfs-journal-size',
          ];
          expect([flag, told(flag) || carried.includes(flag)]).toEqual([flag, true]);
        }
      },
    ),
    { numRuns: 60 },
  );
});
