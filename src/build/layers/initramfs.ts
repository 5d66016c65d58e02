import { release } from 'node:os';
import { z } from 'zod';
import { sha256Hex } from '../../bundle/digest.ts';
import type { Sandbox } from '../../host/sandbox/sandbox.ts';
import { type Chroot, HOOKS, REQUESTS, TREE } from '../chroot.ts';
import { canonical } from '../inputs.ts';
import type { Archives } from './archives.ts';
import { networkUse, whatIsLeft } from './snapshot.ts';
import { lasting } from './steps.ts';
import type { LayerStore } from './store.ts';

/**
 * The initramfs of an earlier build, taken again while all that it was made from is the same: names, kinds, modes and
 * owners of everything in the tree, and the content of whatever its making has read, which the times of access tell.
 */
export interface InitramfsWorld {
  readonly sandbox: Sandbox;
  readonly chroot: Pick<Chroot, 'outside'>;
  readonly archives: Archives;
  readonly store: LayerStore;
  /** The program and its tools: plain data. */
  readonly engine: unknown;
}

export interface Making {
  /** Of the generator. */
  readonly environment: Readonly<Record<string, string>>;
  readonly make: () => Promise<void>;
}

const PLACE = 'initramfs';

/** What is told of a kept one. */
const found = z.object({
  /** Paths that its making has read. */
  read: z.array(z.string()),
  /** SHA-256 of what stands there. */
  content: z.string(),
  /** What its making has made, and the directories that it has written to. */
  written: z.array(z.string()),
});

/** Puts the initramfs of an earlier build into the tree, or makes it and keeps it for later ones. */
export async function reuseInitramfs(world: InitramfsWorld, { environment, make }: Making): Promise<void> {
  const { sandbox, chroot, store, archives } = world;
  if ((await whatIsLeft(chroot)) !== undefined) return make();
  const epoch = Number(environment.SOURCE_DATE_EPOCH);
  const names = await namesOf(sandbox);
  const key = sha256Hex(canonical([PLACE, world.engine, release(), lasting(environment), names]));
  const layer = await store.find(key);
  const known = found.safeParse(layer?.found).data;
  if (layer !== undefined && known?.content === (await contentOf(sandbox, known?.read ?? [], epoch))) {
    if (await archives.take(layer)) return touch(sandbox, known.written);
  }
  const sent = await networkUse(sandbox);
  await sandbox.run(['sh', '-c', FORGET, 'forget', TREE]);
  await make();
  const trace = await traceOf(sandbox);
  const isClosed = trace !== undefined && (await networkUse(sandbox)) === sent;
  if (!isClosed || (await namesOf(sandbox)) !== names) return;
  if (layer !== undefined) await store.drop(layer.directory);
  const content = await contentOf(sandbox, trace.read, epoch);
  const { read, written, made } = trace;
  // What is packed inside it is not searched for secrets, so it stays on this host.
  const told = { key, place: PLACE, lists: [], bound: {} };
  await archives.put(made, { ...told, found: { read, content, written } });
}

/** What update-initramfs leaves. */
const IS_OUTPUT = (path: string) => /^\.\/(boot\/initrd\.img-|var\/lib\/initramfs-tools\/)[^/]+$/.test(path);

/** Everything but what is written anew each time, and what programs find before the tree's own. */
const NAMES = `set -eu
cd "$1"
find . -xdev \\( -path './tmp/*' -o -path './boot/initrd.img-*' -o -path './var/lib/initramfs-tools/*' \\) -prune \\
  -o -type f -empty -printf 'empty %m %U %G %P\\0' -o -printf '%y %m %U %G %P %l\\0' | LC_ALL=C sort -z | sha256sum
cd "$2"
for folder in bin environment.d; do
  if [ -d "$folder" ]; then find "$folder" -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum; fi
done
`;

async function namesOf(sandbox: Sandbox): Promise<string> {
  return (await sandbox.run(['sh', '-c', NAMES, 'names', TREE, HOOKS])).stdout;
}

/** Whoever reads something from now on is seen: a time of access before that of the last change is always renewed. */
const FORGET = `find "$1" -xdev -print0 | xargs -0 touch -a --no-dereference -d @0
: > /tmp/initramfs-begun
`;

const TRACE = `set -eu
cd "$1"
find . -xdev ! -type d -newerat @1 -printf 'read %p\\0'
find . -xdev -cnewer /tmp/initramfs-begun -printf '%y %p\\0'
find "$2" -cnewer /tmp/initramfs-begun -printf 'told %P\\0'
rm /tmp/initramfs-begun
`;

interface Trace {
  /** Files and links, below the tree. */
  readonly read: string[];
  /** Whatever is new or has other entries, below the tree. */
  readonly written: string[];
  /** Absolute paths. */
  readonly made: string[];
}

/** What the making has read and written; undefined where it cannot be told, or is more than it should be. */
async function traceOf(sandbox: Sandbox): Promise<Trace | undefined> {
  const { stdout } = await sandbox.run(['sh', '-c', TRACE, 'trace', TREE, REQUESTS]);
  const rows = stdout.split('\0').slice(0, -1);
  const of = (...kinds: readonly string[]) =>
    rows.flatMap(row =>
      kinds.includes(row.split(' ', 1)[0] ?? '') ? [row.slice(row.indexOf(' ') + 1)] : [],
    );
  const made = of('f', 'l', 'p', 's');
  const read = of('read').filter(path => !made.includes(path));
  // A file system that keeps no times of access tells of none.
  const isSeen = read.some(path => path.endsWith('/mkinitramfs'));
  if (!isSeen || of('told').length > 0 || made.length === 0 || !made.every(IS_OUTPUT)) return undefined;
  return { read, written: [...made, ...of('d')], made: made.map(path => `${TREE}/${path.slice(2)}`) };
}

/** Times later than the epoch are the epoch's in the initramfs. */
const CONTENT = `cd "$1"
list=$(mktemp)
cat > "$list"
xargs -0 -r -a "$list" -n 500 sh -c 'find "$@" -maxdepth 0 -printf "%y %Ts %p\\0"' find
printf '\\0'
find -files0-from "$list" -maxdepth 0 -type f -print0 | xargs -0 -r sha256sum -z
rm "$list"
`;

async function contentOf(sandbox: Sandbox, paths: readonly string[], epoch: number): Promise<string> {
  const input = nulEnded(paths);
  const { stdout } = await sandbox.run(['sh', '-c', CONTENT, 'content', TREE], {
    input,
    accept: [0, 1, 123],
  });
  const [times = '', sums = ''] = stdout.split('\0\0');
  const clamped = times.replace(/(^|\0)(\w) (\d+) /g, (_all, before, kind, seconds) => {
    return `${before}${kind} ${Math.min(Number(seconds), epoch)} `;
  });
  return sha256Hex(`${clamped}\0\0${sums}`);
}

const TOUCH = 'cd "$1" && xargs -0 -r touch -m --';

/** The times of now, as its making would have left them: an older day's may be before this image's epoch. */
async function touch(sandbox: Sandbox, written: readonly string[]): Promise<void> {
  await sandbox.run(['sh', '-c', TOUCH, 'touch', TREE], { input: nulEnded(written) });
}

function nulEnded(paths: readonly string[]): string {
  return paths.map(path => `${path}\0`).join('');
}
