import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HostError, TrustError } from '../host/errors.ts';
import { codeOf, exists, partialName, publishDirectory, writeNew } from './files.ts';
import { writeJson } from './json.ts';
import { checkManifest } from './manifest.ts';
import { corePath, MANIFEST } from './names.ts';
import type { Manifest } from './types.ts';

/** A bundle that is being made, under a name that no finished one has. */
export interface BundleDraft {
  /** Absolute path of the folder to fill with the core's files. */
  readonly core: string;
  /** Writes the manifest and gives the bundle its name. @returns the path of the bundle */
  finish(manifest: Manifest): Promise<string>;
  /** Removes all of it. */
  discard(): Promise<void>;
}

/**
 * Starts a bundle. What a dead run left under the same unfinished name is removed first, so one process at
 * a time may make a given version; the caller sees to that.
 * @param bundle path of the finished bundle, OUTPUT/IMAGE/VERSION-ARCHITECTURE
 * @param draft where it is made, on the same file system; default: beside it under a hidden name
 * @throws HostError when it is there already or cannot be written
 */
export async function createBundle(bundle: string, draft = partialName(bundle)): Promise<BundleDraft> {
  if (await exists(bundle)) {
    throw new HostError(`${bundle} is already there`, {
      advice: 'a bundle is never rewritten; build another version, or remove it',
    });
  }
  const core = corePath(draft);
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(join(core, 'logs'), { recursive: true });
  } catch (cause) {
    throw new HostError(`cannot make a bundle in ${dirname(bundle)} (${codeOf(cause)})`, { cause });
  }
  return {
    core,
    finish: manifest => finish(draft, bundle, manifest),
    discard: () => rm(draft, { recursive: true, force: true }),
  };
}

async function finish(draft: string, bundle: string, manifest: Manifest): Promise<string> {
  const core = corePath(draft);
  // Read back as a reader will see it, before anybody can.
  const told = checkManifest(JSON.parse(JSON.stringify(manifest)), 'the new manifest');
  for (const { path, size } of told.files) {
    const found = await stat(join(core, path)).catch(() => undefined);
    if (found?.size !== size)
      throw new TrustError(`core/${path} is not the file that the new manifest tells of`);
  }
  await writeNew(join(core, MANIFEST), writeJson(told));
  await publishDirectory(draft, bundle);
  return bundle;
}
