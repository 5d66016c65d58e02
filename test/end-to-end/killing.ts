import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { readManifest } from '../../src/bundle/manifest.ts';
import { run } from '../../src/host/process.ts';
import { leftovers, sceneOf, visibleFiles, workDirectories } from './leftovers.ts';
import { addOrdinaryUser, copyCheckout } from './ordinary-user.ts';
import { ownTools } from './workshop.ts';

/** A place of its own for small builds, by root or by an ordinary user with sudo. */
export interface Bed {
  /** Everything of these builds lies below it. */
  readonly place: string;
  readonly output: string;
  readonly downloads: string;
  /** The build command's argv and environment. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

/** So many seconds after so many lines of steps in the build's log; no line: after the start. */
export interface Point {
  readonly steps: number;
  readonly seconds: number;
}

/** An image of boot loader and base only, built in a fraction of the time of a whole one. */
const FACTORY = `images:
  small:
    distribution: debian
    releases: [12]
`;

/** @param asUser build as an ordinary user with sudo, made for this; default: as we are */
export async function makeBed(asUser = false): Promise<Bed> {
  const place = await mkdtemp('/var/tmp/image-factory-kill-');
  await copyCheckout(place);
  const [work, output, cache] = ['work', 'work/out', 'work/cache'].map(name => join(place, name)) as Paths;
  await mkdir(join(place, 'factory/elements/debian-cloud'), { recursive: true });
  await writeFile(join(place, 'factory/elements/debian-cloud/element-deps'), 'boot-loader\n');
  await writeFile(join(place, 'factory/factory.yaml'), FACTORY);
  await mkdir(output);
  const folders = await copyTools(cache);
  const user = asUser ? await addOrdinaryUser(place) : undefined;
  if (user) await run(['chown', `--reference=${work}`, '--', output, ...folders]);
  const words = ['build', '--factory', join(place, 'factory/factory.yaml'), '--output', output];
  return {
    place,
    output,
    downloads: join(cache, 'image-factory/downloads/debian'),
    argv: [...(user?.identity ?? []), join(place, 'node'), join(place, 'dist/cli.js'), ...words],
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

/** The host's own tools tree, by links where the file system allows. @returns the folders around it */
async function copyTools(cache: string): Promise<string[]> {
  const tools = await ownTools('engine');
  const to = join(cache, 'image-factory/tools');
  await mkdir(to, { recursive: true });
  const copy = (how: string) => run(['cp', '-a', how, '--', tools, to]);
  await copy('--link').catch(async () => {
    await rm(join(to, basename(tools)), { recursive: true, force: true });
    await copy('--reflink=auto');
  });
  return [cache, join(cache, 'image-factory'), to];
}

/** @param more further options */
export function startBuild(bed: Bed, more: readonly string[] = []) {
  const [program = '', ...rest] = [...bed.argv, ...more];
  const child = spawn(program, rest, { env: bed.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  let over = false;
  const ended = once(child, 'close').then(([status]) => {
    over = true;
    return status as number | null;
  });
  return { child, ended, isOver: () => over, said: () => said };
}

/** Lines of the running build's log that tell of a step's begin or end. */
export async function stepsSoFar(bed: Bed): Promise<string[]> {
  for (const directory of await workDirectories(bed.output)) {
    const log = await readFile(join(bed.output, directory, 'build.log'), 'utf8').catch(() => '');
    if (log !== '') return log.split('\n').filter(line => line.startsWith('== '));
  }
  return [];
}

/**
 * Starts a build, kills it at the point, and sees that nothing of it stays: no process, namespace, mount or loop
 * device, and no file that looks finished.
 * @returns the step during which it died, for the report
 */
export async function killAt(bed: Bed, point: Point): Promise<string> {
  const dead = await workDirectories(bed.output);
  const build = startBuild(bed);
  await reached(bed, point, build.isOver, dead);
  const scene = await sceneOf(build.child.pid ?? 0, bed.place);
  const steps = await stepsSoFar(bed);
  build.child.kill('SIGKILL');
  await build.ended;
  const where = steps.at(-1) ?? 'before the first step';
  const left = () => leftovers(bed.place, scene);
  await expect.poll(left, { message: `after a kill in "${where}"`, timeout: 5000, interval: 50 }).toEqual([]);
  await expectNothingFinished(bed);
  return where;
}

async function reached(
  bed: Bed,
  point: Point,
  isOver: () => boolean,
  dead: readonly string[],
): Promise<void> {
  while (!isOver() && (await ownSteps(bed, dead)) < point.steps) await delay(3);
  const end = Date.now() + point.seconds * 1000;
  while (!isOver() && Date.now() < end) await delay(Math.min(100, end - Date.now()));
}

async function ownSteps(bed: Bed, dead: readonly string[]): Promise<number> {
  const all = await workDirectories(bed.output);
  return all.some(name => !dead.includes(name)) ? (await stepsSoFar(bed)).length : 0;
}

/** A build may have been done before its kill: then its bundle is whole. */
async function expectNothingFinished(bed: Bed): Promise<void> {
  const files = await visibleFiles(bed.output);
  const bundles = new Set(files.map(name => name.split('/').slice(0, 2).join('/')));
  for (const name of bundles) {
    const bundle = join(bed.output, name);
    const manifest = await readManifest(bundle);
    for (const { path, size } of manifest.files)
      expect([path, (await readFile(join(bundle, 'core', path))).length]).toEqual([path, size]);
    await rm(bundle, { recursive: true });
  }
}

/** A build that nobody kills: it clears what the dead ones left. @returns its bundle and step lines */
export async function wholeBuild(
  bed: Bed,
): Promise<{ bundle: string; steps: string[]; seconds: number; said: string }> {
  const start = Date.now();
  const build = startBuild(bed);
  expect([await build.ended, build.said()]).toEqual([0, expect.anything()]);
  expect(await workDirectories(bed.output)).toEqual([]);
  expect((await readdir(bed.downloads)).filter(name => name !== 'archives')).toEqual([]);
  const [manifest] = (await visibleFiles(bed.output)).filter(name => name.endsWith('manifest.json'));
  const bundle = join(bed.output, dirname(dirname(manifest ?? '')));
  const log = await readFile(join(bundle, 'core/logs/build.log'), 'utf8');
  const steps = log.split('\n').filter(line => line.startsWith('== '));
  return { bundle, steps, seconds: (Date.now() - start) / 1000, said: build.said() };
}
