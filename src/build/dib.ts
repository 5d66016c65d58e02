import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestFolder } from './element-files.ts';
import type { Element } from './elements.ts';

/** Inside the sandbox: one folder for each element of the build, and what diskimage-builder keeps beside them. */
export const ELEMENT_SOURCES = '/elements/sources';
export const DIB_LIBRARY = '/elements/lib';
export const DIB_PYTHON = '/elements/python';

/**
 * Lays out what scripts outside the chroot find beside their own hooks: the elements as they are, and, where they
 * come from an installation of diskimage-builder, its library and Python package.
 * @param folder seen as /elements inside
 */
export async function layOutSources(elements: readonly Element[], folder: string): Promise<void> {
  for (const name of ['lib', 'python', 'sources']) await mkdir(join(folder, name), { recursive: true });
  for (const element of elements) {
    await cp(element.path, join(folder, 'sources', element.name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  await writeFile(join(folder, 'lib', 'die'), DIE);
  const installation = installationOf(elements);
  if (installation === undefined) return;
  await cp(join(installation, 'lib'), join(folder, 'lib'), { recursive: true });
  await cp(installation, join(folder, 'python', 'diskimage_builder'), {
    recursive: true,
    filter: path => !['elements', 'tests', '__pycache__'].some(name => path === join(installation, name)),
  });
}

/** SHA-256 of what elements call beside themselves; undefined where none is of an installation. */
export async function libraryDigest(elements: readonly Element[]): Promise<string | undefined> {
  const installation = installationOf(elements);
  return installation === undefined ? undefined : digestFolder(join(installation, 'lib'));
}

function installationOf(elements: readonly Element[]): string | undefined {
  return elements.map(each => dirname(dirname(each.path))).find(isInstallation);
}

function isInstallation(folder: string): boolean {
  return existsSync(join(folder, 'lib', 'dib-run-parts')) && existsSync(join(folder, 'paths.py'));
}

/** What elements source as $_LIB/die, for hosts without diskimage-builder. */
const DIE = `die() { local status=$?; echo "$@"; exit $status; }
export -f die
`;
