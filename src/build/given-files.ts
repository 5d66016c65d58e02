import { cp, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256 } from './archive/fetch.ts';
import { digestFolder } from './element-files.ts';

/** Variables by which diskimage-builder's elements are told of a file or folder of whoever builds. */
const VARIABLES = [
  'DIB_ADD_APT_KEYS',
  'DIB_APT_CONF',
  'DIB_APT_KEYRING',
  'DIB_APT_SOURCES',
  'DIB_CONTAINER_FILE',
  'DIB_DEBIAN_KEYRING',
  'DIB_DEV_USER_AUTHORIZED_KEYS',
  'DIB_DPKG_MANIFEST',
  'DIB_LOCAL_IMAGE',
  'DIB_YUM_REPO_CONF',
];

/** A file that the definition hands to elements. */
export interface GivenFile {
  readonly variable: string;
  /** Absolute path on the host. */
  readonly source: string;
  /** SHA-256 of what is in it. */
  readonly digest: string;
}

/**
 * The files that an image's environment names.
 * @param directory what relative paths are relative to
 */
export async function givenFiles(
  environment: Readonly<Record<string, string>>,
  directory: string,
): Promise<GivenFile[]> {
  const files: GivenFile[] = [];
  for (const variable of VARIABLES) {
    const value = environment[variable];
    if (value === undefined || value === '') continue;
    const source = resolve(directory, value);
    const info = await stat(source).catch(() => undefined);
    // What is not here may be in the tools tree, such as the archive's keyring; the element tells if it is nowhere.
    if (info === undefined) continue;
    const digest = info.isDirectory() ? await digestFolder(source) : sha256(await readFile(source));
    files.push({ variable, source, digest });
  }
  return files;
}

/** Puts the files where the sandbox will see them, below /elements. */
export async function layOutGiven(files: readonly GivenFile[], folder: string): Promise<void> {
  for (const file of files) {
    const place = join(folder, placeOf(file));
    await mkdir(dirname(place), { recursive: true });
    await cp(file.source, place, { recursive: true, dereference: true });
  }
}

/** The variables as the sandbox's scripts must see them. */
export function givenEnvironment(files: readonly GivenFile[]): Record<string, string> {
  return Object.fromEntries(files.map(file => [file.variable, join('/elements', placeOf(file))]));
}

function placeOf({ variable, source }: GivenFile): string {
  return join('given', variable, basename(source));
}
