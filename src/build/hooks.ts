import { chmod, cp, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DefinitionError } from '../host/errors.ts';
import { broughtIn } from './element-files.ts';
import type { Element } from './elements.ts';

/** diskimage-builder's phases in their order, and where their scripts run: beside the tree, or in it. */
export const PHASES = {
  'root.d': 'outside',
  'extra-data.d': 'outside',
  'pre-install.d': 'inside',
  'install.d': 'inside',
  'post-install.d': 'inside',
  'post-root.d': 'outside',
  'block-device.d': 'outside',
  'pre-finalise.d': 'outside',
  'finalise.d': 'inside',
  'cleanup.d': 'outside',
} as const satisfies Record<string, 'inside' | 'outside'>;

export type Phase = keyof typeof PHASES;

export const isPhase = (name: string): name is Phase => name in PHASES;

export interface Hooks {
  /** Names of the elements whose parts were put together. */
  readonly elements: readonly string[];
  /** Which element brings a script, by `PHASE/NAME`; those of install types by the name they will be linked under. */
  readonly owners: ReadonlyMap<string, string>;
  /** Whether any element has files to copy into the tree. */
  readonly statics: boolean;
}

/** Parts of an element that no phase reads. */
const UNREAD = ['tests', 'test-elements', '__pycache__'];

/**
 * Copies all elements together into one folder, as diskimage-builder does: `PHASE/NN-name`, `environment.d/`,
 * `bin/`, `static/` and the files at an element's top.
 * @throws DefinitionError when two elements bring a file of the same name
 */
export async function assembleHooks(elements: readonly Element[], folder: string): Promise<Hooks> {
  const owners = new Map<string, string>();
  let statics = false;
  for (const part of ['environment.d', 'bin']) await mkdir(join(folder, part), { recursive: true });
  for (const element of elements) {
    for (const part of await readdir(element.path)) {
      const from = join(element.path, part);
      const info = await stat(from).catch(() => undefined);
      if (info?.isDirectory() && !UNREAD.includes(part)) {
        statics ||= part === 'static';
        await copyPart(element, part, { from, to: join(folder, part), owners });
      }
      if (info?.isFile() && !part.endsWith('.pyc')) await copy(from, join(folder, part));
    }
  }
  await settleModes(folder);
  return { elements: elements.map(each => each.name), owners, statics };
}

async function copyPart(
  element: Element,
  part: string,
  { from, to, owners }: { from: string; to: string; owners: Map<string, string> },
): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.endsWith('.pyc') || name === '__pycache__') continue;
    const isFolder = (await stat(join(from, name)).catch(() => undefined))?.isDirectory() ?? false;
    if (!isFolder && (await lstat(join(to, name)).catch(() => undefined))) {
      const other = owners.get(`${part}/${name}`);
      throw new DefinitionError(
        `two elements bring ${part}/${name}: ${[other, element.name].filter(each => each !== undefined).join(' and ')}`,
        { advice: 'give one of the files another name' },
      );
    }
    await copyEntry(element, join(from, name), join(to, name));
    owners.set(`${part}/${name}`, element.name);
    // The install-types element links the scripts of the chosen type into the phase itself.
    if (isFolder && isPhase(part)) {
      for (const script of await readdir(join(from, name))) owners.set(`${part}/${script}`, element.name);
    }
  }
}

async function copyEntry(element: Element, from: string, to: string): Promise<void> {
  if ((await broughtIn(element.path, from)) === undefined) return copy(from, to);
  await cp(from, to, { recursive: true, dereference: true });
}

function copy(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, verbatimSymlinks: true });
}

/** Takes away the right to write of group and others, which depends on the umask of whoever checked them out. */
async function settleModes(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    await chmod(path, (await stat(path)).mode & 0o7755);
  }
}

/** Names of scripts that dib-run-parts runs; so backup copies rest. */
export const SCRIPT_NAME = /^[0-9A-Za-z_-]+$/;

/** Orders script names as dib-run-parts does: by the number in front, then by letters. */
export function byNumber(a: string, b: string): number {
  const number = (name: string) => Number(/^-?\d+/.exec(name)?.[0] ?? 0);
  return number(a) - number(b) || (a < b ? -1 : Number(a > b));
}
