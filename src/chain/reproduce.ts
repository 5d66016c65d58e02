import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Pins } from '../build/archive/closure.ts';
import { changesBetween, describeChange } from '../build/inputs.ts';
import { bundlePath, type Preparation } from '../build/prepare.ts';
import { Shared } from '../build/shared.ts';
import { exists } from '../bundle/files.ts';
import { readManifest } from '../bundle/manifest.ts';
import type { Manifest } from '../bundle/types.ts';
import { compareBits } from '../compare/bits.ts';
import type { Context } from '../host/context.ts';
import { HostError, NetworkError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { buildPrepared, COLD, prepareLine } from './build.ts';
import { inputsOfBuild } from './builds.ts';
import { readDefinition } from './definition.ts';
import type { ReproduceRequest, Reproduction } from './types.ts';

/** So many packages are named before a number stands for the rest. */
const NAMED = 5;

/**
 * Builds a bundle's image once more from what its manifest says went into it, and compares the two bit by bit. The
 * same versions of packages are taken as long as the mirror has them. Who made the bundle is not judged.
 * @throws NetworkError when the mirror has other versions, and what a build throws
 */
export async function reproduce(context: Context, request: ReproduceRequest): Promise<Reproduction> {
  const bundle = resolve(request.bundle);
  const manifest = await readManifest(bundle);
  const { factory } = await readDefinition(context, request.factory);
  const output = resolve(request.output);
  const kept = bundlePath(output, manifest.line, manifest.version);
  await refuseEarlier(kept);
  await requireTools(context, TOOLS.build, { install: request.installTools, root: rootPrefix });
  const pins = pinsOf(manifest);
  const again = { pins, inputDigest: manifest.inputDigest };
  const shared = new Shared(context, pins);
  const preparation = await prepareLine(context, factory, manifest.line, request.mirror, { shared, again });
  refuseOtherPackages(manifest, preparation);
  const causes = changedInputs(manifest, preparation);
  for (const cause of causes) context.log.warn(`not as it was when ${manifest.version} was built: ${cause}`);
  await mkdir(output, { recursive: true });
  const result = await withWorkDirectory(context, output, async work => {
    const { version } = manifest;
    const built = await buildPrepared(context, { ...request, ...COLD, output: work, version }, preparation);
    const difference = await compareBits(bundle, built.bundle);
    const tools = changedTools(manifest, built.manifest);
    const found = { manifest, causes: [...causes, ...tools], ...difference };
    if (difference.identical) return found;
    await mkdir(dirname(kept), { recursive: true });
    await rename(built.bundle, kept);
    return { ...found, rebuilt: kept };
  });
  const report = `${kept}.reproduction.json`;
  await mkdir(dirname(report), { recursive: true });
  await writeFile(report, `${JSON.stringify(reportOf(result), null, 2)}\n`);
  return { ...result, report };
}

/** The second bundle of an earlier difference is evidence: nobody but its owner takes it away. */
async function refuseEarlier(bundle: string): Promise<void> {
  if (!(await exists(bundle))) return;
  throw new HostError(`${bundle} is left from an earlier reproduction that differed`, {
    advice: 'remove it, or name another --output',
  });
}

/** What belongs to repositories beside the distribution's is known by their state only. */
function pinsOf({ packages }: Manifest): Pins {
  return Object.fromEntries(Object.entries(packages).filter(([name]) => !name.includes(':')));
}

function refuseOtherPackages(manifest: Manifest, { inputs }: Preparation): void {
  const wanted = Object.entries(pinsOf(manifest));
  const missing = wanted.filter(([name, version]) => inputs.packages[name] !== version);
  if (missing.length === 0) return;
  const named = missing.slice(0, NAMED).map(pair => pair.join(' '));
  const rest = missing.length - named.length;
  throw new NetworkError(
    `the mirror no longer has ${missing.length} of the ${wanted.length} packages of ${manifest.image} ${manifest.version}: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
    { advice: 'name a mirror that has them with --mirror, such as a snapshot of that day' },
  );
}

/** What may make other bytes: elements, settings, the engine. */
function changedInputs(manifest: Manifest, { inputs }: Preparation): string[] {
  return changesBetween(inputsOfBuild(manifest), inputs).map(change => describeChange(change));
}

/** Tools of another version may make other bytes of the same tree. */
function changedTools({ tools: before }: Manifest, { tools: now }: Manifest): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names
    .filter(name => before[name] !== now[name])
    .map(name => `tool ${name} ${before[name] ?? 'absent'} -> ${now[name] ?? 'absent'}`);
}

/** The verdict as a file. */
function reportOf({ manifest, ...found }: Omit<Reproduction, 'report'>): unknown {
  const { image, version, diskDigest, files } = manifest;
  const digests = Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]));
  return { formatVersion: 1, image, version, diskDigest, files: digests, ...found };
}
