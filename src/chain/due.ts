import { type Change, changesBetween, describeChange } from '../build/inputs.ts';
import type { Preparation } from '../build/prepare.ts';
import type { Factory, ImageLine, Rebuild } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { type Build, buildsOf, inputsOfBuild, isPromoted, promotedFrom, type StoreShelf } from './builds.ts';

/** What is to be done with an image line, and why. */
export interface Due {
  readonly state: 'new' | 'unchanged' | 'unfinished' | 'changed' | 'waiting' | 'old' | 'forced';
  /** Whether a build is due; an unfinished one only goes on. */
  readonly build: boolean;
  /** One line for a person. */
  readonly reason: string;
  /** Since the newest build, if there is one. */
  readonly changes: readonly Change[];
  /** The build that stands, or that the work goes on with. */
  readonly latest?: Build;
  /** Its version, where only a store knows of it. */
  readonly version?: string;
}

export interface DueRequest {
  readonly factory: Factory;
  readonly line: ImageLine;
  readonly output: string;
  readonly force: boolean;
  /** Of the lines that are asked about together; default: the line's own. */
  readonly stores?: StoreShelf;
}

/** Compares what would be built now with what was built before. */
export async function whatIsDue(
  context: Context,
  request: DueRequest,
  preparation: Preparation,
): Promise<Due> {
  let newest: Build | undefined;
  for await (const build of buildsOf(request.output, request.line)) {
    newest ??= build;
    if (build.manifest.inputDigest !== preparation.inputDigest) continue;
    return sameInputs(context, request, build);
  }
  const stored = await promotedFrom(context, request, preparation.inputDigest);
  if (stored !== undefined && !request.force) {
    const reason = `${stored}: nothing changed since it was promoted`;
    return { state: 'unchanged', build: false, reason, changes: [], version: stored };
  }
  if (newest === undefined) return { state: 'new', build: true, reason: 'never built here', changes: [] };
  const changes = changesBetween(inputsOfBuild(newest.manifest), preparation.inputs, name =>
    preparation.isSecurity(name),
  );
  if (request.force) return forced(newest, changes);
  return judge(changes, ageOf(context, newest), request.line.rebuild, newest);
}

async function sameInputs(context: Context, request: DueRequest, latest: Build): Promise<Due> {
  const { version } = latest.manifest;
  if (request.force) return forced(latest, []);
  if (!(await isPromoted(context, request, version))) {
    const reason = `${version} is built already: going on with it`;
    return { state: 'unfinished', build: false, reason, changes: [], latest };
  }
  const age = ageOf(context, latest);
  const { anyway } = request.line.rebuild;
  if (anyway !== undefined && age >= anyway) {
    const reason = `${version} is ${days(age)} old, and is built anew after ${days(anyway)}`;
    return { state: 'old', build: true, reason, changes: [], latest };
  }
  const reason = `${version}: nothing changed since it was promoted`;
  return { state: 'unchanged', build: false, reason, changes: [], latest };
}

/** Tells what stands of a line, why, and each change behind it. @param planned whether it is only said, not done */
export function tellDue(
  { log }: Context,
  { name }: ImageLine,
  { state, build, reason, changes }: Due,
  planned = false,
): void {
  const would = planned && state !== 'unchanged' && state !== 'waiting';
  const what = build ? 'would be built: ' : 'would go on: ';
  log.info(`${name}: ${would ? what : ''}${reason}`);
  for (const change of changes) log.debug(`${name}: ${describeChange(change)}`);
}

function forced(latest: Build, changes: readonly Change[]): Due {
  return { state: 'forced', build: true, reason: 'asked for by --force', changes, latest };
}

/** Whether changes are enough for a build, by the line's own rules. */
export function judge(changes: readonly Change[], age: number, rebuild: Rebuild, latest: Build): Due {
  const since = `since ${latest.manifest.version}: ${summary(changes)}`;
  const due = (state: Due['state'], build: boolean, reason: string): Due => ({
    state,
    build,
    reason,
    changes,
    latest,
  });
  if (rebuild.anyway !== undefined && age >= rebuild.anyway) {
    return due('old', true, `${days(age)} old, and is built anew after ${days(rebuild.anyway)}; ${since}`);
  }
  if (!changes.some(change => rebuild.when.includes(reasonOf(change)))) {
    return due(
      'waiting',
      false,
      `changed, but only ${rebuild.when.join(' or ')} makes a build due; ${since}`,
    );
  }
  if (rebuild.every !== undefined && age < rebuild.every) {
    return due('waiting', false, `changed, but is built at most once in ${days(rebuild.every)}; ${since}`);
  }
  return due('changed', true, since);
}

/** The word of `rebuild.when` that stands for a kind of change. */
function reasonOf({ kind }: Change): Rebuild['when'][number] {
  return kind === 'security' ? 'security' : kind === 'package' ? 'packages' : 'definition';
}

/** `3 packages (1 security), element motd`: what a person wants to know first. */
export function summary(changes: readonly Change[]): string {
  const packages = changes.filter(({ kind }) => kind === 'package' || kind === 'security');
  const security = packages.filter(({ kind }) => kind === 'security').length;
  const others = changes.filter(change => !packages.includes(change));
  const names = (of: readonly Change[]) => of.map(change => describeChange(change));
  const told = packages.length > 3 ? [`${packages.length} packages`] : names(packages);
  const stressed = packages.length > 3 && security > 0 ? [`${told[0]} (${security} security)`] : told;
  return [...names(others), ...stressed].join(', ') || 'nothing';
}

function ageOf(context: Context, { manifest }: Build): number {
  return context.now().getTime() - Date.parse(manifest.builtAt);
}

function days(milliseconds: number): string {
  const hours = Math.round(milliseconds / 3_600_000);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
