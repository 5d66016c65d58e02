import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostMirror, type Mirror, sourcesFor, sourcesList } from '../src/build/distributions/debian.ts';
import type { Context } from '../src/host/context.ts';
import { CheckError, HostError } from '../src/host/errors.ts';
import { plainEnvironment } from '../src/host/process.ts';
import type { HostTool } from '../src/host/tools.ts';
import { BUILD_RULES } from '../src/image/documentation.ts';
import { APART, type Contestant } from './contestant.ts';
import type { Run } from './figures.ts';
import { mkosi } from './mkosi.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const SUITE = 'bookworm';

/** What the host must have for all of them. */
export const BENCH_TOOLS: readonly HostTool[] = [
  ['disk-image-create', 'python3-diskimage-builder'],
  ['debootstrap', 'debootstrap'],
  ['kpartx', 'kpartx'],
  ['dmsetup', 'dmsetup'],
  ['sgdisk', 'gdisk'],
  ['sudo', 'sudo'],
  ['mmdebstrap', 'mmdebstrap'],
  ['qemu-img', 'qemu-utils'],
  ['mke2fs', 'e2fsprogs'],
  ['sfdisk', 'fdisk'],
  ['unshare', 'util-linux'],
  ['/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'],
].map(([needs = '', name = '']) => ({ needs, package: name }));

/**
 * All of them, in the order in which they run; the first is the one that the others are compared with.
 * @param work directory that keeps the caches
 */
export async function assemble(context: Context, work: string): Promise<readonly Contestant[]> {
  const mirror = await hostArchive();
  await writeFile(join(work, 'sources.list'), sourcesList(sourcesFor(SUITE, mirror)));
  await writeFile(join(work, 'dpkg-rules'), BUILD_RULES.map(rule => `${rule}\n`).join(''));
  return [
    ours(context, work),
    floor(work, 'floor', {}),
    floor(work, 'floor, one initramfs', { FLOOR_INITRAMFS: 'once' }),
    diskimageBuilder(work, mirror, 'own'),
    diskimageBuilder(work, mirror, 'alike'),
    mkosi(work, mirror, SUITE, 'own'),
    mkosi(work, mirror, SUITE, 'alike'),
    tools(context),
  ];
}

export async function hostArchive(): Promise<Mirror> {
  const mirror = await hostMirror();
  if (mirror !== undefined) return mirror;
  throw new HostError("this host's apt knows no Debian archive", { advice: 'run the bench on Debian' });
}

function ours(context: Context, work: string): Contestant {
  const root = join(HERE, '..');
  return {
    name: 'image-factory',
    caches: [join(work, 'cache', 'image-factory')],
    command: out => ({
      argv: [
        ...[join(root, 'image-factory'), 'build', '--cold', 'true', '--output', out],
        ...['--factory', join(root, 'examples/debian/factory.yaml')],
      ],
      env: plainEnvironment({
        HOME: context.env.HOME ?? '/root',
        PATH: context.env.PATH ?? '',
        XDG_CACHE_HOME: join(work, 'cache', 'image-factory'),
      }),
    }),
    async results(_out, result) {
      const bundle = result.stdout.trim().split('\n').at(-1) ?? '';
      const manifest = JSON.parse(await readFile(join(bundle, 'core/manifest.json'), 'utf8')) as Manifest;
      const packages = await readFile(join(bundle, 'core/packages.txt'), 'utf8');
      await writeFile(join(work, 'packages.txt'), packages);
      await writeFile(join(work, 'package-names'), packages.replace(/ .*$/gm, ''));
      const qcow2 = manifest.files.find(file => file.form === 'qcow2')?.path ?? '';
      return { qcow2: join(bundle, 'core', qcow2), steps: manifest.timings };
    },
  };
}

/** What is read of a bundle's manifest. */
interface Manifest {
  readonly files: readonly { readonly path: string; readonly form: string }[];
  readonly timings: Run['steps'];
}

/** What a host pays once: no build, but what the first one waits for. */
function tools(context: Context): Contestant {
  return {
    name: 'tools tree, once',
    command: out => ({
      argv: [process.execPath, join(HERE, 'tools-tree.ts'), join(out, 'cache')],
      env: plainEnvironment({ HOME: context.env.HOME ?? '/root', PATH: context.env.PATH ?? '' }),
    }),
    results: async () => ({ steps: [] }),
  };
}

function floor(work: string, name: string, env: Readonly<Record<string, string>>): Contestant {
  const places = [
    join(work, 'package-names'),
    join(work, 'sources.list'),
    join(work, 'dpkg-rules'),
    SUITE,
    join(work, 'cache', 'floor'),
  ];
  return {
    name,
    caches: [join(work, 'cache', 'floor')],
    command: out => ({
      argv: [...APART, 'sh', join(HERE, 'floor.sh'), ...places, out],
      env: plainEnvironment(env),
    }),
    async results(out) {
      const [own, theirs] = await Promise.all(
        [join(out, 'packages.txt'), join(work, 'packages.txt')].map(sortedLines),
      );
      if (own !== theirs) {
        throw new CheckError(`${name} installed other packages than image-factory`, {
          advice: 'the archive may have changed meanwhile; run it again',
        });
      }
      return { qcow2: join(out, 'disk.qcow2'), steps: [] };
    },
  };
}

async function sortedLines(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).split('\n').sort().join('\n');
}

/** @param kind as it comes, or as near to ours as it can be made */
export function diskimageBuilder(work: string, mirror: Mirror, kind: 'own' | 'alike'): Contestant {
  const cache = join(work, 'cache', 'diskimage-builder');
  const words = [kind, mirror.archive, mirror.security, SUITE, cache];
  return {
    name: kind === 'own' ? 'diskimage-builder' : 'diskimage-builder, alike',
    caches: [cache],
    command: out => ({
      argv: [...APART, 'sh', join(HERE, 'diskimage-builder.sh'), ...words, out],
      env: plainEnvironment({ HOME: '/root' }),
    }),
    results: async out => ({ qcow2: join(out, 'disk.qcow2'), steps: [] }),
  };
}
