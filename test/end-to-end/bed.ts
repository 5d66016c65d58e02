import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { readManifest } from '../../src/bundle/manifest.ts';
import { run } from '../../src/host/process.ts';
import { leftovers, visibleFiles, workDirectories } from './leftovers.ts';
import { addOrdinaryUser, copyCheckout } from './ordinary-user.ts';
import { type Running, startCommand } from './program.ts';
import { makeOnce, SHARED } from './shared-image.ts';
import { ownTools } from './workshop.ts';

/** A place of its own for small builds, by root or by an ordinary user with sudo. */
export interface Bed {
  /** Everything of these builds lies below it. */
  readonly place: string;
  readonly output: string;
  readonly downloads: string;
  /** Of layers; builds leave none unless they are asked to. */
  readonly layers: string;
  /** argv of the program, as the one who builds. */
  readonly program: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

/** An image of boot loader and base only, built in a fraction of the time of a whole one. */
const FACTORY = `images:
  small:
    distribution: debian
    releases: [12]
`;

export interface BedOptions {
  /** Build as an ordinary user with sudo, made for this; default: as we are. */
  readonly asUser?: boolean;
  /** With the downloads and the layers that a build of this line leaves. */
  readonly warm?: boolean;
}

export async function makeBed({ asUser, warm }: BedOptions = {}): Promise<Bed> {
  const place = await mkdtemp('/var/tmp/image-factory-bed-');
  await copyCheckout(place);
  const [work, output, cache] = ['work', 'work/out', 'work/cache'].map(name => join(place, name)) as Paths;
  await mkdir(join(place, 'factory/elements/debian-cloud'), { recursive: true });
  await writeFile(join(place, 'factory/elements/debian-cloud/element-deps'), 'boot-loader\n');
  await writeFile(join(place, 'factory/factory.yaml'), FACTORY);
  await mkdir(output);
  const own = await (warm ? copyCache(await warmCache(), cache) : copyTools(cache));
  const user = asUser ? await addOrdinaryUser(place) : undefined;
  if (user) {
    const give = (...words: string[]) => run(['chown', `--reference=${work}`, ...words]);
    await give(output, cache, ...['', 'tools'].map(name => join(cache, 'image-factory', name)));
    for (const path of own) await give('--recursive', path);
  }
  return {
    place,
    output,
    downloads: join(cache, 'image-factory/downloads/debian'),
    layers: join(cache, 'image-factory/layers'),
    program: [...(user?.identity ?? []), join(place, 'node'), join(place, 'dist/cli.js')],
    env: {
      ...{ PATH: process.env.PATH, HOME: work },
      ...{ XDG_CACHE_HOME: cache, XDG_STATE_HOME: join(work, 'state') },
      CI: 'true',
    },
    async remove() {
      await user?.remove();
      await rm(place, { recursive: true, force: true });
    },
  };
}

type Paths = [string, string, string];

/**
 * Gives the bed's image one more element.
 * @param scripts text by path in the element
 */
export async function addElement(bed: Bed, name: string, scripts: Record<string, string>): Promise<void> {
  const element = join(bed.place, 'factory/elements', name);
  for (const [path, text] of Object.entries(scripts)) {
    await mkdir(dirname(join(element, path)), { recursive: true });
    await writeFile(join(element, path), text, { mode: 0o755 });
  }
  await appendFile(join(bed.place, 'factory/factory.yaml'), `    elements: [${name}]\n`);
}

/** The host's own tools tree, by links where the file system allows. @returns what its user must own */
async function copyTools(cache: string): Promise<string[]> {
  const to = join(cache, 'image-factory/tools');
  await mkdir(to, { recursive: true });
  await linkOrCopy(await ownTools('engine'), to);
  return [];
}

async function linkOrCopy(path: string, to: string): Promise<void> {
  const copy = (how: string) => run(['cp', '-a', how, '--', path, to]);
  await copy('--link').catch(async () => {
    await rm(join(to, basename(path)), { recursive: true, force: true });
    await copy('--reflink=auto');
  });
}

/** A cache like another, with layers of its own. @returns what its user must own */
async function copyCache(from: string, cache: string): Promise<string[]> {
  const to = join(cache, 'image-factory');
  await mkdir(to, { recursive: true });
  const names = await readdir(join(from, 'image-factory'));
  const large = ['tools', 'downloads'];
  for (const name of large) await linkOrCopy(join(from, 'image-factory', name), to);
  const others = names.filter(name => !large.includes(name));
  for (const name of others) await run(['cp', '-a', '--', join(from, 'image-factory', name), to]);
  return others.map(name => join(to, name));
}

/** What a build of the beds' line leaves to later ones, made when first asked for in a run of tests. */
async function warmCache(): Promise<string> {
  const cache = join(process.env[SHARED] ?? '', 'bed', 'cache');
  await makeOnce(cache, async part => {
    const bed = await makeBed();
    try {
      await wholeBuild(bed, WARM);
      await run(['mv', '-T', '--', bed.env.XDG_CACHE_HOME ?? '', part]);
    } finally {
      await bed.remove();
    }
  });
  return cache;
}

/** Options of a build that starts from layers, and leaves some. */
export const WARM = ['--cold', 'false'];

/** A build, whatever was built there before. @param more further options */
export function startBuild(bed: Bed, more: readonly string[] = []): Running {
  const words = [
    'build',
    '--factory',
    join(bed.place, 'factory/factory.yaml'),
    '--output',
    bed.output,
    '--force',
  ];
  return startCommand([...bed.program, ...words, ...more], bed.env);
}

export interface WholeBuild {
  readonly bundle: string;
  /** Lines of the log that tell of a step's begin or end. */
  readonly steps: readonly string[];
  readonly seconds: number;
  readonly output: string;
}

/** A build that nobody disturbs: it clears what dead ones left. @param more further options */
export async function wholeBuild(bed: Bed, more: readonly string[] = []): Promise<WholeBuild> {
  const before = await visibleFiles(bed.output);
  const start = Date.now();
  const { status, output } = await startBuild(bed, more).ended;
  const seconds = (Date.now() - start) / 1000;
  expect([status, output]).toEqual([0, expect.anything()]);
  await expectNoWork(bed);
  const [manifest = ''] = (await visibleFiles(bed.output)).filter(
    name => name.endsWith('/core/manifest.json') && !before.includes(name),
  );
  const bundle = join(bed.output, dirname(dirname(manifest)));
  const log = await readFile(join(bundle, 'core/logs/build.log'), 'utf8');
  return { bundle, steps: stepLines(log), seconds, output };
}

/** What builds at the same time have made. */
export interface Together {
  readonly bundles: readonly string[];
  /** What each has printed. */
  readonly said: readonly string[];
  /** Of inputs, disk and files, in words: the different ones. */
  readonly digests: readonly string[];
}

/** Builds of one bed at the same time, which all succeed and leave nothing but their bundles. @param options of each */
export async function buildTogether(bed: Bed, options: readonly (readonly string[])[]): Promise<Together> {
  const folder = join(bed.output, 'small-12');
  const before: readonly string[] = await readdir(folder).catch(() => []);
  const ended = await Promise.all(options.map(more => startBuild(bed, more).ended));
  for (const each of ended) expect(each).toEqual({ status: 0, output: expect.anything() });
  const names = (await readdir(folder)).filter(name => !before.includes(name)).sort();
  const numbers = options.map((_more, index) => `DAY.${before.length + index + 1}-amd64`);
  expect(names.map(name => name.replace(/^\d{8}/, 'DAY'))).toEqual(numbers);
  await expectNoWork(bed);
  expect(await leftovers(bed.place)).toEqual([]);
  const bundles = names.map(name => join(folder, name));
  return {
    bundles,
    said: ended.map(each => each.output),
    digests: [...new Set(await Promise.all(bundles.map(digestsOf)))],
  };
}

/** Digests of a bundle's inputs, disk and files. */
export async function digestsOf(bundle: string): Promise<string> {
  const { inputDigest, diskDigest, files } = await readManifest(bundle);
  return [inputDigest, diskDigest, ...files.map(each => each.sha256)].join(' ');
}

/** Of work directories, beside the bundles and in the caches, there is none. */
export async function expectNoWork({ output, downloads, layers }: Bed): Promise<void> {
  expect(await workDirectories(output)).toEqual([]);
  expect(await readdir(downloads)).toEqual(['archives']);
  expect(await workDirectories(layers)).toEqual([]);
}

export function stepLines(log: string): string[] {
  return log.split('\n').filter(line => line.startsWith('== '));
}
