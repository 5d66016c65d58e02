import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HostError, TrustError } from '../host/errors.ts';
import {
  assertOwnFolder,
  codeOf,
  exists,
  listFiles,
  partialName,
  publishDirectory,
  writeNew,
} from './files.ts';
import { assertSafePath, decodePlace, encodePlace, SAFE_NAME, statementsPath } from './names.ts';

/** The signed envelope in each statement's folder. */
export const STATEMENT = 'statement.dsse.json';

export type StatementKind = 'verdict' | 'provenance' | 'receipt';

const KINDS: readonly StatementKind[] = ['provenance', 'receipt', 'verdict'];

/** Where a statement lies; what it says, and whether it is true, only its signature tells. */
export interface StatementFolder {
  readonly kind: StatementKind;
  readonly place: string;
  readonly run: string;
  /** Absolute when the bundle's path was. */
  readonly folder: string;
  /** Names of all files in it, STATEMENT too. */
  readonly files: readonly string[];
}

/**
 * Adds `statements/KIND/PLACE/RUN/`. It appears with all its files or not at all, and nothing that is there
 * is ever rewritten.
 * @param place for example `qemu` or `directory:stores/staging`
 * @param files content by name; STATEMENT must be among them
 * @returns path of the folder
 * @throws HostError when the folder is there already or cannot be written
 */
export async function writeStatement(
  bundle: string,
  kind: StatementKind,
  place: string,
  run: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  assertSafePath(run, 'the run id');
  for (const name of Object.keys(files)) assertSafePath(name, 'the report');
  if (!Object.hasOwn(files, STATEMENT)) throw new TypeError(`a statement needs ${STATEMENT}`);
  const folder = join(statementsPath(bundle), kind, encodePlace(place), run);
  const draft = partialName(folder);
  for (const above of foldersAbove(bundle, kind, place)) await assertOwnFolder(above);
  if (await exists(folder))
    throw new HostError(`${folder} is already there`, { advice: 'use another run id' });
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(draft, name)), { recursive: true });
      await writeNew(join(draft, name), content);
    }
    await publishDirectory(draft, folder);
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    if (cause instanceof HostError) throw cause;
    throw new HostError(`cannot write the statement ${folder} (${codeOf(cause)})`, { cause });
  }
  return folder;
}

function foldersAbove(bundle: string, kind: StatementKind, place: string): string[] {
  const root = statementsPath(bundle);
  return [root, join(root, kind), join(root, kind, encodePlace(place))];
}

/**
 * All statements of a bundle, or those of one kind and place, sorted by path. Drafts of a process that died
 * are passed over.
 * @throws TrustError for a link, a special file or a name that writeStatement would not have used
 */
export async function listStatements(
  bundle: string,
  wanted: { kind?: StatementKind; place?: string } = {},
): Promise<StatementFolder[]> {
  const found: StatementFolder[] = [];
  for (const kind of KINDS) {
    if (wanted.kind !== undefined && wanted.kind !== kind) continue;
    const root = join(statementsPath(bundle), kind);
    await assertOwnFolder(statementsPath(bundle));
    await assertOwnFolder(root);
    for (const name of await foldersIn(root)) {
      const place = decodePlace(name);
      if (place === undefined) throw new TrustError(`${join(root, name)} is not the folder of a place`);
      if (wanted.place !== undefined && wanted.place !== place) continue;
      found.push(...(await statementsOf(kind, place, join(root, name))));
    }
  }
  return found;
}

async function statementsOf(kind: StatementKind, place: string, root: string): Promise<StatementFolder[]> {
  const runs = (await foldersIn(root)).filter(run => !/^\..*\.partial$/.test(run));
  return Promise.all(
    runs.map(async run => {
      const folder = join(root, run);
      if (!SAFE_NAME.test(run)) throw new TrustError(`${folder} is not the folder of a run`);
      return { kind, place, run, folder, files: await listFiles(folder) };
    }),
  );
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(error => {
    if (codeOf(error) === 'ENOENT') return [];
    throw new HostError(`cannot read ${path} (${codeOf(error)})`, { cause: error });
  });
  const stray = entries.find(entry => !entry.isDirectory());
  if (stray !== undefined) throw new TrustError(`${join(path, stray.name)} is not a folder`);
  return entries.map(entry => entry.name).sort();
}
