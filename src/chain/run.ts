import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundlePath, type Preparation } from '../build/prepare.ts';
import { readManifest } from '../bundle/manifest.ts';
import type { Manifest } from '../bundle/types.ts';
import type { Factory, ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError, TrustError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import { imageOf, isCurrent } from '../promote/plan.ts';
import { openStore } from '../promote/stores.ts';
import { compareVersions } from '../promote/version.ts';
import { buildPrepared, chooseLine, prepareLine } from './build.ts';
import { readDefinition } from './definition.ts';
import { writePage } from './page.ts';
import { promote } from './promote.ts';
import { sign } from './sign.ts';
import { trustBundle } from './trust.ts';
import type { LineResult, RunRequest, RunResult } from './types.ts';
import { RUNNER_PLACE, verify } from './verify.ts';

interface Line {
  readonly context: Context;
  readonly request: RunRequest;
  readonly factory: Factory;
  readonly line: ImageLine;
}

interface Build {
  readonly bundle: string;
  readonly manifest: Manifest;
}

/**
 * The whole chain for some image lines, or all: build, verify, sign, promote through every stage. What an
 * earlier run finished for the same inputs is kept, so that an interrupted one goes on where it stopped.
 */
export async function run(context: Context, request: RunRequest): Promise<RunResult> {
  const { factory } = await readDefinition(context, request.factory);
  const lines =
    request.images.length === 0 ? factory.images : request.images.map(name => chooseLine(factory, name));
  if (!request.dryRun) {
    const needed = [...TOOLS.build, ...TOOLS.verify];
    await requireTools(context, needed, { install: request.installTools, root: rootPrefix });
  }
  const results: LineResult[] = [];
  for (const line of lines) results.push(await runLine({ context, request, factory, line }));
  return { lines: results };
}

async function runLine(work: Line): Promise<LineResult> {
  const { context, request, factory, line } = work;
  const preparation = await prepareLine(context, factory, line, request.mirror);
  const earlier = request.force ? undefined : await latestBuild(work, preparation.inputDigest);
  const localTestKey = request.signingKey === undefined && factory.signing.key === undefined;
  if (earlier !== undefined && (await isPromoted(work, earlier.manifest.version))) {
    context.log.info(`${line.name} ${earlier.manifest.version}: nothing changed since it was promoted`);
    const { version } = earlier.manifest;
    return { image: line.name, version, outcome: 'unchanged', bundle: earlier.bundle, localTestKey };
  }
  if (request.dryRun) {
    const version = earlier?.manifest.version ?? 'the next version';
    context.log.info(`${line.name}: ${earlier ? `would go on with ${version}` : 'would be built'}`);
    return { image: line.name, version, outcome: 'would-build', localTestKey };
  }
  const build = await buildOnce(work, preparation, earlier);
  await verifyOnce(work, build);
  await context.log.group('sign', () => sign(context, { ...request, bundle: build.bundle }));
  for (const stage of factory.stages) {
    await context.log.group(`promote to ${stage.name}`, () =>
      promote(context, { ...request, bundle: build.bundle, stage: stage.name }),
    );
  }
  const page = await writePage(context, {
    factory,
    bundle: build.bundle,
    output: resolve(request.output),
    localTestKey,
  });
  const { version } = build.manifest;
  return { image: line.name, version, outcome: 'promoted', bundle: build.bundle, page, localTestKey };
}

async function buildOnce(work: Line, preparation: Preparation, earlier: Build | undefined): Promise<Build> {
  const { context, request } = work;
  if (earlier === undefined) return buildPrepared(context, request, preparation);
  context.log.info(
    `${earlier.manifest.image} ${earlier.manifest.version} is built already: going on with it`,
  );
  return earlier;
}

async function verifyOnce({ context, request, factory, line }: Line, { bundle }: Build): Promise<void> {
  if (await isVerified(context, factory, bundle, line)) return;
  await context.log.group('verify', () => verify(context, { ...request, bundle }));
}

/** Without a local test key there is no policy yet, and nothing that could have been accepted. */
async function isVerified(
  context: Context,
  factory: Factory,
  bundle: string,
  line: ImageLine,
): Promise<boolean> {
  try {
    const trusted = await trustBundle(context, bundle, factory, { signed: false });
    return await trusted.isAccepted(RUNNER_PLACE, line.verify.checks);
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

/** The newest whole bundle of the line that was made from the same inputs. */
async function latestBuild({ request, line }: Line, inputDigest: string): Promise<Build | undefined> {
  const folder = join(resolve(request.output), line.name);
  const suffix = `-${line.architecture}`;
  const names = (await readdir(folder).catch(() => [])).filter(
    name => /^\d/.test(name) && name.endsWith(suffix),
  );
  const versions = names
    .map(name => name.slice(0, -suffix.length))
    .sort(compareVersions)
    .reverse();
  for (const version of versions) {
    const bundle = bundlePath(resolve(request.output), line, version);
    const manifest = await readOrSkip(bundle);
    if (manifest?.inputDigest === inputDigest) return { bundle, manifest };
  }
  return undefined;
}

/** A bundle of another format version is no earlier build of ours; it stays where it is. */
async function readOrSkip(bundle: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(bundle);
  } catch (error) {
    if (error instanceof DefinitionError) return undefined;
    throw error;
  }
}

async function isPromoted({ context, request, factory, line }: Line, version: string): Promise<boolean> {
  for (const reference of factory.stages.flatMap(stage => stage.stores)) {
    const store = await openStore(context, reference, resolve(request.output), { readOnly: true });
    const image = imageOf(await store.list(line.name), version);
    if (image === undefined || !isCurrent(image)) return false;
  }
  return true;
}
