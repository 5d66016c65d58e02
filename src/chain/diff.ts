import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compareBundles, type Difference } from '../compare/bundles.ts';
import type { Context } from '../host/context.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import type { DiffRequest } from './types.ts';

/**
 * What differs between two bundles. Nothing is said about who made them: `check` says that.
 * @throws DefinitionError, HostError, CheckError when the newer image cannot be read
 */
export async function diff(context: Context, request: DiffRequest): Promise<Difference> {
  await requireTools(context, TOOLS.digest, { install: request.installTools, root: rootPrefix });
  const work = await mkdtemp(join(context.env.TMPDIR ?? tmpdir(), 'image-factory-diff-'));
  try {
    return await compareBundles(context, {
      before: resolve(request.before),
      now: resolve(request.now),
      work,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
