import { randomBytes } from 'node:crypto';
import { mkdtemp, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageFile } from '../../src/bundle/types.ts';
import { type Context, createContext } from '../../src/host/context.ts';
import { silentLog } from '../../src/host/log.ts';
import { measure } from '../../src/promote/files.ts';
import { openDirectoryStore } from '../../src/promote/stores/directory.ts';
import type { Store, StoredImage } from '../../src/promote/types.ts';

export function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'image-factory-promote-'));
}

/** A small image file: 64 KiB of data, then a hole. */
export async function imageFile(
  folder: string,
  version: string,
  size = 1024 * 1024,
): Promise<{ source: string; file: ImageFile }> {
  const name = `debian-12-${version}-amd64.raw`;
  const source = join(folder, name);
  await writeFile(source, randomBytes(64 * 1024));
  await truncate(source, size);
  const { sha256, sha512 } = await measure(createContext(), source, '', size);
  return { source, file: { path: name, form: 'raw', size, sha256, sha512 } };
}

export function openStore(path: string, name = 'directory:test', context = createContext()): Promise<Store> {
  return openDirectoryStore(context, { kind: 'directory', name, path }, path);
}

/** A context that keeps what was said. */
export function listening(overrides: Partial<Context> = {}): { context: Context; lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const log = { ...silentLog, info: keep, warn: keep, error: keep };
  return { context: createContext({ log, ...overrides }), lines };
}

/** A stored image without a store, for the planner. */
export function stored(version: string, change: Partial<StoredImage> = {}): StoredImage {
  return {
    id: `debian-12-${version}-raw`,
    line: 'debian-12',
    version,
    visibility: 'public',
    hidden: false,
    file: plainFile(version),
    createdAt: '2026-11-21T00:00:00.000Z',
    properties: {},
    ...change,
  };
}

/** The digest depends on the version only. */
export function plainFile(version: string): ImageFile {
  const digit = (version.charCodeAt(version.length - 1) % 16).toString(16);
  return {
    path: `debian-12-${version}-amd64.raw`,
    form: 'raw',
    size: 1,
    sha256: digit.repeat(64),
    sha512: digit.repeat(128),
  };
}
