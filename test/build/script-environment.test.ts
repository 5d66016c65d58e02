import { expect, it } from 'vitest';
import { scriptEnvironment } from '../../src/build/script-environment.ts';
import { run } from '../../src/host/process.ts';
import { LINE } from './support.ts';

const WORLD = {
  line: { ...LINE, environment: { DIB_A: 'two "words" $HOME `x` \\', OTHER: '1' } },
  suite: 'bookworm',
  mirror: { archive: 'http://one.example/debian', security: 'http://one.example/debian-security' },
  elements: ['base', 'vm'],
  cache: '/cache/own',
};

const inBash = async (script: string) =>
  (await run(['bash', '-c', script], { env: { ...scriptEnvironment(WORLD), PATH: process.env.PATH ?? '' } }))
    .stdout;

it('gives the paths that elements build upon, as they take them apart', async () => {
  expect(await inBash('echo $TMP_MOUNT_PATH $TARGET_ROOT $TMP_HOOKS_PATH')).toBe(
    '/build/dib.build/mnt /build/dib.build/mnt /build/dib.build/hooks\n',
  );
  // The name of its manifest, in the element source-repositories.
  expect(await inBash('echo $(dirname ${TMP_MOUNT_PATH##*.})')).toBe('build\n');
});

it('hands bash the functions that disk-image-create exports', async () => {
  const script =
    'eval declare -A found=($(get_image_element_array)); for name in base vm; do echo ${found[$name]}; done';
  expect(await inBash(script)).toBe('/elements/sources/base\n/elements/sources/vm\n');
  await expect(inBash('false || die no luck')).rejects.toThrow(/status 1/);
});

it('notes what the definition set, in words that bash reads back', async () => {
  expect(
    await inBash(
      'unset DIB_A DIB_ARGS; eval "$DIB_ENV"; printf "%s;" "$DIB_A" "$DIB_ARGS"; echo "$DIB_ENV" | grep -c OTHER || true',
    ),
  ).toBe(`two "words" $HOME \`x\` \\;${LINE.elements.join(' ')};0\n`);
});

it('lets the definition have the last word, and points to the mirror of the build', () => {
  const line = {
    ...LINE,
    environment: { DIB_RELEASE: 'trixie', DIB_DISTRIBUTION_MIRROR: 'http://own.example' },
  };
  const environment = scriptEnvironment({ ...WORLD, line });
  expect(environment).toMatchObject({ DIB_RELEASE: 'trixie', DIB_DISTRIBUTION_MIRROR: 'http://own.example' });
  expect(scriptEnvironment(WORLD).DIB_DISTRIBUTION_MIRROR).toBe('http://one.example/debian');
});

it('names a label of /boot only where that is a filesystem of its own', () => {
  expect(scriptEnvironment(WORLD)).not.toHaveProperty('DIB_BOOT_LABEL');
  const disk = { ...LINE.disk, partitions: { boot: 512 * 1024 ** 2 } };
  expect(scriptEnvironment({ ...WORLD, line: { ...LINE, disk } })).toHaveProperty('DIB_BOOT_LABEL', 'boot');
});
