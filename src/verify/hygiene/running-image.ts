import { ImageContent } from '../../image/content.ts';
import { comparePackageFiles } from '../../image/package-files.ts';
import type { Entry } from '../../image/read/filesystem.ts';
import { buildHosts } from '../offline/build-hosts.ts';
import { once } from '../offline/open.ts';
import { scanFiles } from '../offline/scan.ts';
import type { ImageUnderTest } from '../offline/types.ts';
import type { Listed } from './listing.ts';
import type { Written } from './written.ts';

/** What stands in a running guest, by what became of it since the image was made. */
export interface Since {
  /** As in the image: the same file, and never written since. */
  readonly same: ReadonlyMap<string, Entry>;
  readonly changed: readonly Listed[];
}

/** @param epoch the time of all that is in the image, seconds since 1970 */
export function sinceImage({ entries }: ImageContent, listed: readonly Listed[], epoch: number): Since {
  const same = new Map<string, Entry>();
  const changed: Listed[] = [];
  for (const each of listed) {
    const before = entries.get(each.path);
    if (before !== undefined && isSame(before, each, epoch)) same.set(each.path, before);
    else changed.push(each);
  }
  return { same, changed };
}

/** The kernel sets the time of change by itself: who would hide that he wrote has to set the clock back, and keep the size. */
function isSame(before: Entry, now: Listed, epoch: number): boolean {
  const facts = ['type', 'mode', 'uid', 'gid', 'target'] as const;
  const kept = facts.every(fact => before[fact] === now[fact]);
  return kept && now.changed < epoch + 1 && (now.type !== 'file' || before.size === now.size);
}

/**
 * The image as its running guest made it, for the checks that look at bytes: they read what was written from the
 * guest, and all else from the image. What is as in the image has been judged there.
 */
export function runningImage(
  image: ImageUnderTest,
  { same, changed }: Since,
  written: ReadonlyMap<string, Written>,
): ImageUnderTest {
  const { context, manifest } = image;
  const fresh = new Map(changed.map(each => [each.path, entryOf(each, written.get(each.path))]));
  const roots = new Map([
    ...[...same].map(([path, entry]) => [path, { read: () => image.content.pieces(entry) }] as const),
    ...[...fresh.keys()].map(path => [path, { read: () => bytesOf(written.get(path)) }] as const),
  ]);
  const content = new ImageContent(new Map([...same, ...fresh]), roots);
  const packageFiles = once(async () => {
    const found = await comparePackageFiles(context, content, path => !same.has(path));
    return { ...found, verbatim: new Set([...same.keys(), ...found.verbatim]) };
  });
  return {
    ...image,
    content,
    packageFiles,
    scan: once(async () =>
      scanFiles(context, new ImageContent(fresh, roots), await packageFiles(), buildHosts(manifest)),
    ),
  };
}

/** Of no filesystem that is read here, it has no inode. */
function entryOf({ changed, ...listed }: Listed, written: Written | undefined): Entry {
  const mtime = { seconds: Math.floor(changed), nanoseconds: 0 };
  return { ...listed, inode: 0, mtime, attributes: written?.attributes ?? new Map() };
}

async function* bytesOf(written: Written | undefined): AsyncGenerator<Buffer, void, undefined> {
  if (written !== undefined) yield written.bytes;
}
