import { resolve } from 'node:path';
import type { Preparation } from '../build/prepare.ts';
import { Shared } from '../build/shared.ts';
import type { Factory, ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import { CONVERTERS, toolsOf } from '../image/forms/index.ts';
import { buildPrepared, chooseLine, prepareLine } from './build.ts';
import type { Build } from './builds.ts';
import { readDefinition } from './definition.ts';
import { type Due, tellDue, whatIsDue } from './due.ts';
import { writePage } from './page.ts';
import { RUNNER_PLACE } from './places.ts';
import { promote } from './promote.ts';
import { sign } from './sign.ts';
import { trustBundle } from './trust.ts';
import type { LineResult, RunRequest, RunResult } from './types.ts';
import { assertPassed, verify } from './verify.ts';

interface Line {
  readonly context: Context;
  readonly request: RunRequest;
  readonly factory: Factory;
  readonly line: ImageLine;
  /** Shared by the lines of the run. */
  readonly shared: Shared;
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
    const files = lines.flatMap(({ forms }) => forms.flatMap(form => CONVERTERS[form].files));
    const needed = [...TOOLS.build, ...TOOLS.verify, ...toolsOf(files)];
    await requireTools(context, needed, { install: request.installTools, root: rootPrefix });
  }
  const results: LineResult[] = [];
  const shared = new Shared(context);
  for (const line of lines) results.push(await runLine({ context, request, factory, line, shared }));
  return { lines: results };
}

async function runLine(work: Line): Promise<LineResult> {
  const { context, request, factory, line } = work;
  const preparation = await prepareLine(context, factory, line, request.mirror, { shared: work.shared });
  const due = await whatIsDue(context, { ...request, factory, line }, preparation);
  const localTestKey = request.signingKey === undefined && factory.signing.key === undefined;
  tellDue(context, line, due, request.dryRun);
  if (due.state === 'unchanged' || due.state === 'waiting') {
    const version = due.latest?.manifest.version ?? due.version ?? '';
    const bundle = due.latest === undefined ? {} : { bundle: due.latest.bundle };
    return { image: line.name, version, outcome: due.state, ...bundle, localTestKey };
  }
  if (request.dryRun) {
    const version = due.build ? 'the next version' : (due.latest?.manifest.version ?? '');
    return { image: line.name, version, outcome: 'would-build', localTestKey };
  }
  const build = await buildOnce(work, preparation, due);
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

async function buildOnce(work: Line, preparation: Preparation, due: Due): Promise<Build> {
  const { context, request } = work;
  if (!due.build && due.latest !== undefined) return due.latest;
  return buildPrepared(context, request, preparation);
}

async function verifyOnce({ context, request, factory, line }: Line, { bundle }: Build): Promise<void> {
  if (await isVerified(context, factory, bundle, line)) return;
  const { report } = await context.log.group('verify', () => verify(context, { ...request, bundle }));
  assertPassed(report);
}

/** Without a local test key there is no policy yet, and nothing that could have been accepted. */
async function isVerified(
  context: Context,
  factory: Factory,
  bundle: string,
  line: ImageLine,
): Promise<boolean> {
  const trusted = await trustBundle(context, bundle, factory, { signed: false }).catch(noneYet);
  return (await trusted?.isAccepted(RUNNER_PLACE, line.verify.checks)) ?? false;
}

function noneYet(error: unknown): undefined {
  if (error instanceof TrustError) return undefined;
  throw error;
}
