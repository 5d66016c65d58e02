import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { hostMirror, toolsSources } from '../../src/build/distributions/debian.ts';
import { openWorkshop } from '../../src/build/workshop.ts';
import { type Context, createContext } from '../../src/host/context.ts';
import { places } from '../../src/host/places.ts';
import { rootPrefix } from '../../src/host/privilege.ts';
import { run } from '../../src/host/process.ts';
import type { Sandbox } from '../../src/host/sandbox/sandbox.ts';
import { type ToolSet, toolsTree } from '../../src/host/sandbox/tools-tree.ts';

export interface OpenWorkshop {
  readonly sandbox: Sandbox;
  /** The work directory: `out` and `elements` in it are seen inside. */
  readonly work: string;
  close(): Promise<void>;
}

/** Path of the tools tree in the user's cache, made on first use from the host's own mirror. */
export async function ownTools(
  set: ToolSet,
  context: Context = createContext({ env: process.env }),
): Promise<string> {
  const mirror = await hostMirror();
  if (mirror === undefined) throw new Error("the host's apt knows no Debian archive");
  return toolsTree(context, {
    cache: places(context).cache,
    root: await rootPrefix(),
    sources: toolsSources(mirror),
    set,
  });
}

/**
 * A sandbox as a build opens it.
 * @param prepare fills the work directory first, e.g. with elements
 * @param files see EnterRequest
 */
export async function openOwnWorkshop(
  context: Context,
  prepare: (work: string) => Promise<void> = async () => {},
  files?: string,
  set: ToolSet = 'outside',
): Promise<OpenWorkshop> {
  const work = await mkdtemp('/var/tmp/image-factory-sandbox-');
  const root = await rootPrefix();
  const downloads = join(work, 'downloads');
  await mkdir(downloads);
  await prepare(work);
  const sandbox = await openWorkshop(context, {
    tools: await ownTools(set),
    root,
    work,
    out: join(work, 'out'),
    downloads,
    ...(files === undefined ? {} : { files }),
  });
  return {
    sandbox,
    work,
    async close() {
      await sandbox.close();
      await run([...root, 'rm', '-rf', '--one-file-system', '--', work]);
    },
  };
}
