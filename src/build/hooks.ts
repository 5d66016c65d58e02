import { chmod, copyFile, cp, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DefinitionError } from '../host/errors.ts';
import type { Element } from './elements.ts';

/** The phases that run inside the chroot, in their order. */
export const PHASES = ['pre-install.d', 'install.d', 'post-install.d', 'finalise.d'] as const;
export type Phase = (typeof PHASES)[number];

/** Phases of diskimage-builder that this version does not run; an element that has one is refused. */
const NOT_YET = ['root.d', 'extra-data.d', 'post-root.d', 'block-device.d', 'pre-finalise.d', 'cleanup.d'];

export interface Script {
  /** `50-motd` */
  readonly name: string;
  readonly phase: Phase;
  readonly element: string;
}

export interface Hooks {
  readonly scripts: Readonly<Record<Phase, readonly Script[]>>;
  /** Names of the elements that bring a static/ tree. */
  readonly statics: readonly string[];
}

/**
 * Copies the parts of all elements together into one folder, as diskimage-builder does: `PHASE/NN-name`,
 * `environment.d/`, `bin/`, and `static/ELEMENT/`.
 */
export async function assembleHooks(elements: readonly Element[], folder: string): Promise<Hooks> {
  const scripts: Record<Phase, Script[]> = {
    'pre-install.d': [],
    'install.d': [],
    'post-install.d': [],
    'finalise.d': [],
  };
  const statics: string[] = [];
  await mkdir(join(folder, 'environment.d'), { recursive: true });
  for (const element of elements) {
    for (const phase of PHASES) scripts[phase].push(...(await copyPhase(element, phase, folder)));
    for (const phase of NOT_YET) await refusePhase(element, phase);
    for (const part of ['environment.d', 'bin']) await copyFiles(element, part, folder);
    const files = join(element.path, 'static');
    if (!(await isFolder(files))) continue;
    await cp(files, join(folder, 'static', element.name), { recursive: true, verbatimSymlinks: true });
    statics.push(element.name);
  }
  for (const phase of PHASES) scripts[phase].sort((a, b) => byNumber(a.name, b.name));
  return { scripts, statics };
}

async function copyPhase(element: Element, phase: Phase, folder: string): Promise<Script[]> {
  const names = await copyFiles(element, phase, folder);
  return names.map(name => ({ name, phase, element: element.name }));
}

async function copyFiles(element: Element, part: string, folder: string): Promise<string[]> {
  const from = join(element.path, part);
  if (!(await isFolder(from))) return [];
  const isPhase = PHASES.some(phase => phase === part);
  // dib-run-parts runs what is executable and has a name of these letters only; so backup copies rest.
  const allowed = isPhase ? /^[\w-]+$/ : /^[\w.-]+$/;
  const names = (await readdir(from)).filter(name => allowed.test(name)).sort();
  const copied: string[] = [];
  await mkdir(join(folder, part), { recursive: true });
  for (const name of names) {
    const info = await stat(join(from, name)).catch(() => undefined);
    if (!info?.isFile() || (isPhase && (info.mode & 0o111) === 0)) continue;
    const to = join(folder, part, name);
    if (await stat(to).catch(() => undefined)) {
      throw new DefinitionError(`two elements bring ${part}/${name}, ${element.name} is one of them`, {
        advice: 'give one of the scripts another name',
      });
    }
    await copyFile(join(from, name), to);
    await chmod(to, info.mode & 0o111 ? 0o755 : 0o644);
    copied.push(name);
  }
  return copied;
}

/** Orders script names as dib-run-parts does: by the number in front, then by letters. */
export function byNumber(a: string, b: string): number {
  const number = (name: string) => Number(/^-?\d+/.exec(name)?.[0] ?? 0);
  return number(a) - number(b) || (a < b ? -1 : Number(a > b));
}

async function refusePhase(element: Element, phase: string): Promise<void> {
  if (!(await isFolder(join(element.path, phase)))) return;
  throw new DefinitionError(
    `element ${element.name} has scripts in ${phase}, a phase this version does not run`,
    {
      advice: `phases that run: ${PHASES.join(', ')}`,
    },
  );
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
