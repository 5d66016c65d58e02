import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../archive/fetch.ts';
import type { BootstrapRequest } from '../bootstrap.ts';
import { digestFolder } from '../element-files.ts';
import { byNumber, PHASES, type Phase, SCRIPT_NAME } from '../hooks.ts';
import type { Step } from './keys.ts';

/** The step that makes the tree, where the engine does it. */
export const BOOTSTRAP = 'bootstrap';

/** The engine's own steps between root.d and the phases in the tree. */
export const SETTLE = 'settle';

export interface SequenceRequest {
  /** The elements' parts put together, on the host; see assembleHooks. */
  readonly hooks: string;
  /** Absent: scripts of root.d make the tree. */
  readonly bootstrap?: Pick<
    BootstrapRequest,
    'suite' | 'packages' | 'sources' | 'fstab' | 'preferences' | 'filesystem'
  >;
  /** Names of the engine's own steps in a phase. */
  readonly engine: (phase: Phase) => readonly string[];
  /** Of all scripts. */
  readonly environment: Readonly<Record<string, string>>;
  /** What else scripts may read, and what the engine's own steps do: plain data. */
  readonly given: unknown;
}

/**
 * The steps that make a root tree, with what each depends on. A script may read whatever the elements bring beside
 * their scripts, and itself; that it reads another element's script is not thought of.
 */
export async function sequence(request: SequenceRequest): Promise<Step[]> {
  const { hooks, bootstrap, engine, given } = request;
  const environment = lasting(request.environment);
  const scripts = new Map((await Promise.all(PHASE_NAMES.map(phase => digestScripts(hooks, phase)))).flat());
  const shared = await digestFolder(hooks, path => !scripts.has(path));
  const settings = { environment, shared, given };
  const all: Step[] = [
    ...(bootstrap === undefined ? [] : [{ place: BOOTSTRAP, ingredients: bootstrap }]),
    { place: SETTLE, ingredients: settings },
    ...[...scripts].map(([place, digest]) => ({ place, ingredients: { digest, settings } })),
    ...PHASE_NAMES.flatMap(phase =>
      engine(phase).map(name => ({ place: `${phase}/${name}`, ingredients: settings })),
    ),
  ];
  return all.sort((a, b) => byPlace(a.place, b.place));
}

/** The environment of scripts without what is of one build alone. */
export function lasting({ DIB_IMAGE_CACHE: _own, ...environment }: Readonly<Record<string, string>>) {
  return environment;
}

const PHASE_NAMES = Object.keys(PHASES) as Phase[];

const STAGES: readonly string[] = [
  BOOTSTRAP,
  'root.d',
  SETTLE,
  ...PHASE_NAMES.filter(name => name !== 'root.d'),
];

/** Orders places as the build passes them. */
export function byPlace(a: string, b: string): number {
  const [stageA = '', nameA = ''] = a.split('/');
  const [stageB = '', nameB = ''] = b.split('/');
  return STAGES.indexOf(stageA) - STAGES.indexOf(stageB) || byNumber(nameA, nameB);
}

/** SHA-256 by place of the scripts that the elements bring; what nobody may run counts among what all may read. */
async function digestScripts(hooks: string, phase: Phase): Promise<[place: string, digest: string][]> {
  const names = (await readdir(join(hooks, phase)).catch(() => [])).filter(name => SCRIPT_NAME.test(name));
  const digests = names.map(async name => {
    const path = join(hooks, phase, name);
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile() || (info.mode & 0o111) === 0) return [];
    return [[`${phase}/${name}`, sha256(await readFile(path))]] as [string, string][];
  });
  return (await Promise.all(digests)).flat();
}
