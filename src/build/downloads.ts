import type { Context } from '../host/context.ts';
import { NetworkError } from '../host/errors.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { TREE } from './chroot.ts';

/** A download that brings less than this is no download, bytes a second. */
const SLOWEST = 32 * 1024;

/** How many looks are taken at a download in the time that it is given. */
const LOOKS = 6;

/** One look at the sandbox's downloads. */
export interface Look {
  /** Bytes that its network has brought. */
  readonly received: number;
  /** Files of apt that are not whole yet: size in bytes by path. */
  readonly unfinished: ReadonlyMap<string, number>;
}

/** What the network has brought, and the files that apt is at: of the bootstrap, and of apt in the tree. */
const LOOK = `nsenter --net=/run/image-factory-net cat /proc/self/net/dev
echo
find /cache/.own"$1"/partial /cache/.own"$1".d/apt/*/partial ${TREE}/var/lib/apt/lists/partial ${TREE}/var/cache/apt/archives/partial \\
  -type f ! -name '*.FAILED' -printf '%s %p\\n' 2> /dev/null || true`;

/**
 * Runs body, and ends the sandbox when a download in it creeps. apt itself gives up a connection that is silent,
 * yet never one that goes on with a few bytes a second.
 * @param name of this build's own downloads
 * @param patience seconds that a download may creep
 * @throws NetworkError when it did
 */
export async function watchingDownloads<T>(
  context: Context,
  sandbox: Sandbox,
  { name, patience }: { readonly name: string; readonly patience: number },
  body: () => Promise<T>,
): Promise<T> {
  let over = false;
  let blame: NetworkError | undefined;
  const watch = async () => {
    const looks: Look[] = [];
    while (!over && !isCreeping(looks.slice(-LOOKS - 1), patience)) {
      await context.sleep((patience * 1000) / LOOKS);
      if (!over) looks.push(await look(sandbox, name));
    }
    if (over) return;
    blame = new NetworkError(`the package mirror gave less than ${SLOWEST / 1024} KiB/s for ${patience} s`, {
      advice: 'try again later, take another mirror, or allow it more time with --mirror-timeout',
    });
    await sandbox.close();
  };
  // A look that fails has the reason of the work's own end: that is told.
  watch().catch(() => {});
  try {
    return await body();
  } catch (error) {
    throw blame ?? error;
  } finally {
    over = true;
  }
}

/**
 * True when the network went on to bring one file, and too little of it, all the time. A file that does not grow is
 * being verified, or apt's own timeout is for it; one that grows by more than the network brought is being unpacked.
 * Both take long on a busy host, and neither is the mirror's fault.
 */
export function isCreeping(looks: readonly Look[], patience: number): boolean {
  const [first] = looks;
  const last = looks.at(-1);
  if (first === undefined || last === undefined || looks.length <= LOOKS) return false;
  const received = last.received - first.received;
  if (received >= SLOWEST * patience) return false;
  return [...last.unfinished].some(([path, size]) => {
    const grown = size - (first.unfinished.get(path) ?? size);
    return grown > 0 && grown <= received && looks.every(each => each.unfinished.has(path));
  });
}

async function look(sandbox: Sandbox, name: string): Promise<Look> {
  const { stdout } = await sandbox.run(['sh', '-c', LOOK, 'look', name], { as: 'supervisor' });
  const [interfaces = '', files = ''] = stdout.split('\n\n');
  const received = Number(/^ *tap0: *(\d+)/m.exec(interfaces)?.[1] ?? 0);
  const rows = files.split('\n').filter(row => row !== '');
  const sizes = rows.map(row => [row.slice(row.indexOf(' ') + 1), Number.parseInt(row, 10)] as const);
  return { received, unfinished: new Map(sizes) };
}
