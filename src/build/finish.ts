import type { Disk } from '../definition/types.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { CLEAR_REST, RULES_FILE, RULES_TEXT } from '../image/documentation.ts';
import { fstab } from '../image/fstab.ts';
import { type CoreRequest, grubFilesCommand } from '../image/grub.ts';
import { filesystemUuid } from '../image/layout.ts';
import { changedBy } from '../image/logins.ts';
import { diskPlan } from '../image/plan.ts';
import { publicMirror } from '../image/public-mirror.ts';
import { bootOf } from '../image/volume.ts';
import { PINS } from './bootstrap.ts';
import { type Chroot, inTree } from './chroot.ts';
import { debianSources, mirrorAt, type Source, sourcesFor } from './distributions/debian.ts';

/** The last touches to the tree by the engine itself. */

/** What diskimage-builder calls writefstab: the last word, whatever elements wrote there before. */
export async function writeFstab(chroot: Chroot, disk: Disk): Promise<void> {
  const plan = diskPlan(disk);
  const points = plan.volumes.map(each => each.mount?.point ?? '/').filter(each => each.startsWith('/'));
  await chroot.inside(['mkdir', '-p', ...points]);
  await chroot.inside(['sh', '-c', 'cat > /etc/fstab'], { input: fstab(plan) });
}

export interface Finish {
  readonly disk: Disk;
  /** What the UUIDs derive from. */
  readonly inputDigest: string;
  /** What grub-install was asked for. */
  readonly grub: readonly CoreRequest[];
  readonly suite: string;
  /** Address from the factory file; absent: the distribution's own public mirror. */
  readonly image?: string;
  readonly sources: readonly Source[];
  /** Whether the tree is of our own bootstrap. */
  readonly own: boolean;
  /** Whether packages' documentation is in a tree of our own. */
  readonly documentation: boolean;
}

const LEFTOVERS = [
  '/etc/apt/sources.list.d/0000stdin.list',
  '/etc/apt/sources.list.d/0000main.list',
  '/etc/apt/apt.conf.d/99mmdebstrap',
  '/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  PINS,
];

/** After the last phase: GRUB's files, an empty /tmp, and the package sources that the image is left with. */
export async function afterCleanup(sandbox: Sandbox, finish: Finish): Promise<void> {
  const plan = diskPlan(finish.disk);
  const uuid = filesystemUuid(bootOf(plan), finish.inputDigest);
  await inTree(sandbox, grubFilesCommand(plan, finish.grub, uuid));
  await inTree(sandbox, ['find', '/tmp', '-mindepth', '1', '-delete']);
  const sources = await imageSources(sandbox, finish);
  if (!finish.own) return replaceMirror(sandbox, finish.sources, sources);
  await writeInTree(sandbox, '/etc/apt/sources.list.d/debian.sources', debianSources(sources));
  await inTree(sandbox, ['rm', '-f', '/etc/apt/sources.list', ...LEFTOVERS]);
  if (finish.documentation) return;
  await inTree(sandbox, ['sh', '-c', CLEAR_REST]);
  await writeInTree(sandbox, RULES_FILE, RULES_TEXT);
}

const DAY = 86_400;

/** Takes the day of the build out of the accounts. @param epoch seconds since 1970 */
export async function settlePasswordDates(sandbox: Sandbox, epoch: number): Promise<void> {
  const { stdout: before, status } = await inTree(sandbox, ['cat', '/etc/shadow'], { accept: [0, 1] });
  const after = changedBy(Math.floor(epoch / DAY), before);
  if (status !== 0 || after === before) return;
  // In place: owner and mode stay.
  await inTree(sandbox, ['sh', '-c', 'cat > /etc/shadow'], { input: after });
}

/** Where an element wrote the sources, only the build's mirror gives way. */
async function replaceMirror(
  sandbox: Sandbox,
  from: readonly Source[],
  to: readonly Source[],
): Promise<void> {
  const longestFirst = from
    .map((source, index) => [source.uri, to[index]?.uri ?? source.uri] as const)
    .filter(([before, after]) => before !== after)
    .sort(([a], [b]) => b.length - a.length);
  const pairs = [...new Map(longestFirst)];
  if (pairs.length === 0) return;
  const words = pairs.map(([before, after]) => `s|${literal(before)}|${after.replace(/[&|\\]/g, '\\$&')}|g`);
  // Nothing may be written to /dev/null here: the tree is bare, and it would be a file in the image.
  const files =
    'for each in /etc/apt/sources.list /etc/apt/sources.list.d; do [ ! -e "$each" ] || find "$each" -type f -exec sed -i "$1" {} +; done';
  await inTree(sandbox, ['sh', '-c', files, 'replace', words.join('\n')]);
}

function literal(text: string): string {
  return text.replace(/[.*[\]^$|\\]/g, '\\$&');
}

async function imageSources(sandbox: Sandbox, { suite, image, sources }: Finish): Promise<readonly Source[]> {
  if (image !== undefined) return sourcesFor(suite, mirrorAt(image, 'mirror.image'));
  const configuration = await inTree(sandbox, ['cat', '/etc/cloud/cloud.cfg'], { accept: [0, 1] });
  const own = publicMirror(configuration.stdout);
  return own === undefined ? sources : sourcesFor(suite, own);
}

async function writeInTree(sandbox: Sandbox, path: string, text: string): Promise<void> {
  await inTree(sandbox, ['sh', '-c', 'rm -f "$1"; cat > "$1"; chmod 644 "$1"', 'write', path], {
    input: text,
  });
}
