import { constants, type Dirent } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ResolvedLine } from './lines.ts';
import type { Mistakes } from './mistakes.ts';
import { type Node, nodeAt, type Place, wordsOf } from './node.ts';
import { OWN_KINDS, OWN_NAME, type OwnCheck, type OwnKind } from './types.ts';

/** In front of the names of checks that a user brings himself. */
const PREFIX = 'own/';
const NAME = new RegExp(OWN_NAME);
const GOSS = /\.ya?ml$/;

export function isOwnCheck(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * The checks in the folders that a line names, in the order of their names.
 * @param factory path of the factory file, which the folders are relative to
 * @param complain told of every folder and file that cannot be one; the folder as it was written comes first
 */
export async function ownChecks(
  factory: string,
  folders: readonly string[],
  complain: (folder: string, what: string, expected: string) => void = () => {},
): Promise<OwnCheck[]> {
  const found = new Map<string, OwnCheck>();
  for (const folder of folders) {
    const inFolder = await checksIn(join(dirname(factory), folder), (what, expected) =>
      complain(folder, what, expected),
    );
    if (inFolder.length === 0) {
      complain(
        folder,
        `${folder} has no checks`,
        `files in ${OWN_KINDS.map(kind => `${kind}/`).join(', ')} of it`,
      );
    }
    for (const each of inFolder) {
      if (found.has(each.name))
        complain(folder, `${each.name} is there twice`, 'another name for one of them');
      found.set(each.name, each);
    }
  }
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Names of the checks in folders that a factory file names.
 * @param written where it does, for what is wrong with them
 */
export async function ownNames(
  factory: string,
  folders: readonly string[],
  { node, fallback }: { readonly node: Node | undefined; readonly fallback: Place },
  mistakes: Mistakes,
): Promise<string[]> {
  const words = wordsOf(node);
  const placeOf = (folder: string) => words.find(({ text }) => text === folder)?.place ?? fallback;
  const checks = await ownChecks(factory, folders, (folder, what, expected) =>
    mistakes.add(placeOf(folder), what, { expected }),
  );
  return checks.map(({ name }) => name);
}

/** The lines with the names of their own checks behind those that come with image-factory. */
export async function withOwnChecks(
  factory: string,
  lines: readonly ResolvedLine[],
  mistakes: Mistakes,
): Promise<ResolvedLine[]> {
  return Promise.all(
    lines.map(async resolved => {
      const { line, settings, base } = resolved;
      const { own = [], quarantine = {} } = line.verify;
      const written = { node: nodeAt(settings, 'verify', 'own'), fallback: base.image.place };
      const known = await ownNames(factory, own, written, mistakes);
      for (const name of Object.keys(quarantine)) {
        if (!isOwnCheck(name) || known.includes(name)) continue;
        const place = nodeAt(settings, 'verify', 'quarantine', name)?.place ?? base.image.place;
        mistakes.add(place, `there is no check ${name}`, { expected: known.join(', ') || 'verify.own' });
      }
      const names = [...line.verify.checks, ...known];
      return { ...resolved, line: { ...line, verify: { ...line.verify, checks: names } } };
    }),
  );
}

type Complain = (what: string, expected: string) => void;

async function checksIn(folder: string, complain: Complain): Promise<OwnCheck[]> {
  const found = await Promise.all(
    OWN_KINDS.map(async kind => {
      const files = await filesIn(join(folder, kind));
      const checks = files.map(({ name }) => checkOf(kind, folder, name, complain));
      return Promise.all(checks.filter(each => each !== undefined).map(each => usable(each, complain)));
    }),
  );
  return found.flat().filter(each => each !== undefined);
}

async function filesIn(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter(entry => !entry.isDirectory() && !entry.name.startsWith('.'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function checkOf(kind: OwnKind, folder: string, file: string, complain: Complain): OwnCheck | undefined {
  const path = join(folder, kind, file);
  const name = `${PREFIX}${kind === 'goss' ? file.replace(GOSS, '') : file}`;
  if (NAME.test(name) && (kind !== 'goss' || GOSS.test(file))) return { name, kind, path };
  complain(
    `${path} cannot be a check`,
    kind === 'goss' ? 'NAME.yaml' : 'a name of letters, digits, dots and hyphens',
  );
  return undefined;
}

/** A script that is forgotten because nobody may execute it would be a check that never fails. */
async function usable(check: OwnCheck, complain: Complain): Promise<OwnCheck | undefined> {
  const { kind, path } = check;
  try {
    await access(path, kind === 'goss' ? constants.R_OK : constants.R_OK | constants.X_OK);
    return check;
  } catch {
    complain(`${path} cannot be ${kind === 'goss' ? 'read' : 'executed'}`, 'a file with the right modes');
    return undefined;
  }
}
