import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { digestOf, LayerStore } from '../../src/build/layers/store.ts';
import { readManifest } from '../../src/bundle/manifest.ts';
import { createContext } from '../../src/host/context.ts';
import { type Bed, startBuild, stepLines } from './bed.ts';
import { leftovers, sceneOf, visibleFiles, workDirectories } from './leftovers.ts';
import type { Running } from './program.ts';

/** How a build is made: of nothing; from layers; the first of a cache, which downloads and leaves layers. */
export const BUILDS = ['cold', 'from layers', 'first'] as const;

export type Build = (typeof BUILDS)[number];

/** So many seconds after so many lines of steps in the build's log; no line: after the start. */
export interface Point {
  readonly build: Build;
  readonly steps: number;
  readonly seconds: number;
}

/** Makes the bed ready for such a build. @returns the options for it */
export async function readyFor(bed: Bed, build: Build): Promise<string[]> {
  if (build === 'first')
    for (const folder of [bed.layers, dirname(bed.downloads)])
      await rm(folder, { recursive: true, force: true });
  return ['--cold', String(build === 'cold')];
}

/** Lines of the running build's log that tell of a step's begin or end. */
export async function stepsSoFar(bed: Pick<Bed, 'output'>): Promise<string[]> {
  for (const directory of await workDirectories(bed.output)) {
    const log = await readFile(join(bed.output, directory, 'build.log'), 'utf8').catch(() => '');
    if (log !== '') return stepLines(log);
  }
  return [];
}

/**
 * Starts a build, kills it at the point, and sees that nothing of it stays: no process, namespace, mount or loop
 * device, and no file that looks finished; and that it had removed what the one before had left.
 * @returns the step during which it died, for the report
 */
export async function killAt(bed: Bed, point: Point): Promise<string> {
  const dead = await workOf(bed);
  const build = startBuild(bed, await readyFor(bed, point.build));
  await reached(bed, point, build, dead);
  const steps = await ownSteps(bed, dead);
  const scene = await sceneOf(build.child.pid ?? 0, bed.place);
  build.child.kill('SIGKILL');
  await build.ended;
  const where = steps.at(-1) ?? 'before the first step';
  const left = () => leftovers(bed.place, scene);
  await expect.poll(left, { message: `after a kill in "${where}"`, timeout: 5000, interval: 50 }).toEqual([]);
  await expectNothingFinished(bed);
  await expectWholeLayers(bed);
  // Only a step begun tells that it has cleared all three places.
  if (steps.length > 0) expect((await workOf(bed)).filter(name => dead.includes(name))).toEqual([]);
  return where;
}

/** Paths of all work directories: beside the bundles, among the downloads and beside the layers. */
async function workOf({ output, downloads, layers }: Bed): Promise<string[]> {
  const all = [output, layers].map(async folder =>
    (await workDirectories(folder)).map(name => join(folder, name)),
  );
  const own = (await readdir(downloads).catch(() => [])).filter(name => name !== 'archives');
  return [...(await Promise.all(all)).flat(), ...own.map(name => join(downloads, name))];
}

async function reached(bed: Bed, point: Point, build: Running, dead: readonly string[]): Promise<void> {
  while (!build.isOver() && (await ownSteps(bed, dead)).length < point.steps) await delay(3);
  const end = Date.now() + point.seconds * 1000;
  while (!build.isOver() && Date.now() < end) await delay(Math.min(100, end - Date.now()));
}

/** None before a build has a directory of its own: then what the dead ones left is gone from beside it. */
async function ownSteps(bed: Bed, dead: readonly string[]): Promise<string[]> {
  const all = await workDirectories(bed.output);
  return all.some(name => !dead.includes(join(bed.output, name))) ? stepsSoFar(bed) : [];
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

/** What has the name of a layer is one: its record and its archive belong together. */
export async function expectWholeLayers({ layers }: Bed): Promise<void> {
  const store = new LayerStore(createContext(), layers);
  const names = await readdir(layers).catch(() => []);
  for (const name of names.filter(each => /^[0-9a-f]{64}$/.test(each))) {
    const layer = await store.find(name);
    expect([name, layer?.sha256]).toEqual([
      name,
      (await digestOf(join(layers, name, 'tree.tar.zst'))).sha256,
    ]);
  }
}
