import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../../src/bundle/types.ts';
import { createContext } from '../../../src/host/context.ts';
import { run } from '../../../src/host/process.ts';
import { withContent } from '../../../src/image/content.ts';
import { rawDigest } from '../../../src/image/disk-file.ts';
import { mountedFilesystems, writeDocuments } from '../../../src/image/documents.ts';
import { readProfile } from '../../../src/verify/hardening/profile.ts';
import { scoreOf } from '../../../src/verify/hardening/score.ts';
import { OFFLINE_CHECKS } from '../../../src/verify/offline/checks/index.ts';
import { runOffline } from '../../../src/verify/offline/run.ts';
import type { BundleUnderTest, PreviousScore } from '../../../src/verify/offline/types.ts';
import type { CheckResult } from '../../../src/verify/types.ts';
import { BUILD_HOST } from './identity.ts';
import { Plot } from './planting.ts';
import type { Mutation } from './types.ts';

const context = createContext();

/** A bundle, as finished by a build that made these mistakes. */
export interface Specimen {
  readonly core: string;
  readonly manifest: Manifest;
  /** Of the good disk. */
  readonly previousScore: PreviousScore;
  /** Versions by name of its packages, which stand for what the archive has. */
  readonly archive: ReadonlyMap<string, string>;
}

/**
 * Copies the disk of a good bundle, plants defects, and makes the bundle around it anew, so that nothing but the
 * defects gives them away.
 * @param good folder of its core, with a raw image
 * @param folder of its own; gone when body ends
 */
export async function withSpecimen<T>(
  good: string,
  folder: string,
  mutations: readonly Mutation[],
  body: (specimen: Specimen) => Promise<T>,
): Promise<T> {
  await mkdir(join(folder, 'core'), { recursive: true });
  try {
    return await body(await makeSpecimen(good, folder, mutations));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeSpecimen(good: string, folder: string, mutations: readonly Mutation[]): Promise<Specimen> {
  const core = join(folder, 'core');
  const before = JSON.parse(await readFile(join(good, 'manifest.json'), 'utf8')) as Manifest;
  const image = before.files.find(each => each.form === 'raw');
  if (image === undefined) throw new Error(`${good} has no raw image`);
  const raw = join(core, image.path);
  await run(['cp', '--sparse=always', '--reflink=auto', '--', join(good, image.path), raw]);
  const previousScore = { version: 'earlier', met: await rulesMet(raw, before) };
  const plot = new Plot(folder, raw, before, await foldersOf(good));
  for (const { plant } of mutations) await plant?.(plot);
  await plot.carryOut();
  const manifest = {
    ...before,
    builder: { ...before.builder, host: BUILD_HOST },
    diskDigest: await rawDigest(context, raw),
    files: await forms(before, core, raw, mutations),
  };
  await document(core, raw, manifest);
  for (const { spoil } of mutations) await spoil?.(core);
  return { core, manifest, previousScore, archive: await packagesOf(good) };
}

async function packagesOf(core: string): Promise<Map<string, string>> {
  const lines = (await readFile(join(core, 'packages.txt'), 'utf8')).trim().split('\n');
  return new Map(lines.map(line => line.split(/\s+/)).map(([name = '', version = '']) => [name, version]));
}

async function rulesMet(raw: string, { volumes }: Manifest): Promise<readonly string[]> {
  const rules = await readProfile();
  return withContent(
    raw,
    mountedFilesystems(volumes),
    async content => (await scoreOf(content, rules, {})).met,
  );
}

async function foldersOf(core: string): Promise<string[]> {
  const inventory = await readFile(join(core, 'inventory.jsonl'), 'utf8');
  return [...inventory.matchAll(/^\{"path":"([^"]+)","type":"directory"/gm)].map(([, path = '']) => path);
}

/** The raw image alone, which is fast, but where a mutation is one of the bundle. */
async function forms(manifest: Manifest, core: string, raw: string, mutations: readonly Mutation[]) {
  if (mutations.every(each => each.spoil === undefined))
    return manifest.files.filter(each => each.form === 'raw');
  const qcow2 = manifest.files.find(each => each.form === 'qcow2')?.path ?? '';
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, join(core, qcow2)]);
  return manifest.files;
}

/** Writes the documents and the manifest of a core beside its raw disk. */
export async function document(core: string, raw: string, manifest: Manifest): Promise<void> {
  const { image, version, inputDigest, epoch, volumes } = manifest;
  const { distribution, release } = manifest.line;
  const subject = { image, version, distribution, release, inputDigest, epoch };
  await writeDocuments(core, { raw, filesystems: mountedFilesystems(volumes), ...subject });
  await writeFile(join(core, 'manifest.json'), JSON.stringify(manifest));
}

/** What the checks on the bytes say of a specimen. */
export function look({ core, manifest, previousScore, archive }: Specimen): Promise<CheckResult[]> {
  const { line } = manifest;
  const bundle: BundleUnderTest = {
    ...{ core, manifest, line, logins: line.user, allow: {}, previousScore },
    pendingUpdates: async installed =>
      installed.flatMap(({ name, version }) => {
        const now = archive.get(name) ?? version;
        return now === version ? [] : [{ name, version, now }];
      }),
    work: join(core, '..'),
  };
  return runOffline(context, bundle, OFFLINE_CHECKS, {});
}

/**
 * As few groups as there can be in which no two mutations have to be caught by the same check: what one check says
 * of one defect cannot hide what it would say of another.
 */
export function sideBySide<T extends Mutation>(mutations: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (const mutation of mutations) {
    const seen = caught(mutation);
    const group = groups.find(each => !each.flatMap(caught).some(check => seen.includes(check)));
    if (group === undefined) groups.push([mutation]);
    else group.push(mutation);
  }
  return groups;
}

/** A group as a row of a table of tests. */
export function named<T extends Mutation>(group: readonly T[]) {
  return { group, names: group.map(({ name }) => name).join(', ') };
}

/** All that have to see it. */
export function caught({ check, also = [] }: Mutation): string[] {
  return [check, ...also];
}
