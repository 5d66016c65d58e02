import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { lockDirectory } from '../host/directory-lock.ts';
import { DefinitionError, HostError } from '../host/errors.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { bundlePath } from './prepare.ts';

const FORM = /^\d{8}\.[1-9]\d*$/;

/** In a build's work directory: the name that its bundle will have. */
const RESERVED = 'reserved';

/** `20261121.1`: the day in UTC, then the build of that day. @throws DefinitionError for another form */
export function assertVersion(version: string): void {
  if (FORM.test(version)) return;
  throw new DefinitionError(`${version} is not a version`, {
    advice: 'write YYYYMMDD.N, for example 20261121.1',
  });
}

export interface VersionRequest {
  readonly output: string;
  readonly line: ImageLine;
  /** Default: the next of today. */
  readonly version?: string;
}

/** A version that no other build on this folder takes, for as long as body runs. */
export interface Reservation {
  readonly version: string;
  /** Absolute path of the bundle to make. */
  readonly bundle: string;
  /** Private work directory beside it, so that giving the bundle its name is one rename. */
  readonly directory: string;
}

/** @throws HostError when the version is there already or another process builds it */
export function withVersion<T>(
  context: Context,
  request: VersionRequest,
  body: (reservation: Reservation) => Promise<T>,
): Promise<T> {
  const folder = join(request.output, request.line.name);
  return withWorkDirectory(context, folder, async directory => {
    const lock = await lockDirectory(folder, true);
    let version: string;
    try {
      version = await reserve(request, directory, context.now());
    } finally {
      if (typeof lock === 'object') await lock.release();
    }
    return body({ version, bundle: bundlePath(request.output, request.line, version), directory });
  });
}

async function reserve(request: VersionRequest, directory: string, today: Date): Promise<string> {
  const { line } = request;
  const folder = join(request.output, line.name);
  const names = await readdir(folder);
  const beingBuilt = await reservations(folder, names);
  const version = request.version ?? nextVersion([...names, ...beingBuilt], today);
  const name = `${version}-${line.architecture}`;
  if (names.includes(name)) {
    throw new HostError(`${join(folder, name)} is already there`, {
      advice: 'a bundle is never rewritten; build another version, or remove it',
    });
  }
  if (beingBuilt.includes(name)) {
    throw new HostError(`${line.name} ${version} is being built by another process`, {
      advice: 'wait for it, or build another version',
    });
  }
  await writeFile(join(directory, RESERVED), name);
  return version;
}

async function reservations(folder: string, names: readonly string[]): Promise<string[]> {
  const works = names.filter(name => name.startsWith('.image-factory-'));
  const read = works.map(name => readFile(join(folder, name, RESERVED), 'utf8').catch(() => ''));
  return Promise.all(read);
}

/**
 * The first version of today that no bundle has.
 * @param names of bundles: VERSION-ARCHITECTURE; others are passed over
 */
export function nextVersion(names: readonly string[], today: Date): string {
  const day = today.toISOString().slice(0, 10).replaceAll('-', '');
  const form = new RegExp(`^${day}\\.(\\d+)-[a-z0-9]+$`);
  const taken = names.map(name => Number(form.exec(name)?.[1]));
  return `${day}.${Math.max(0, ...taken.filter(Number.isInteger)) + 1}`;
}
