import { createHash } from 'node:crypto';
import { type Context, checkCancelled } from '../host/context.ts';
import type { ImageContent } from './content.ts';
import { resolvePath } from './read/paths.ts';

const INFO = '/var/lib/dpkg/info';

/** One file as its package brought it. */
export interface PackageFile {
  readonly package: string;
  /** Lower-case hex. */
  readonly md5: string;
  /** Whether it is configuration, which whoever administers the system may change. */
  readonly conffile: boolean;
}

/** How the files of an image stand to what their packages brought; paths are those in the tree. */
export interface PackageFiles {
  /** Byte for byte as in the package. */
  readonly verbatim: ReadonlySet<string>;
  readonly changed: readonly PackageFinding[];
  /** Not there, or no regular file. */
  readonly missing: readonly PackageFinding[];
  /** Configuration that is not as its package brought it. */
  readonly configured: readonly string[];
  /** How many files were compared. */
  readonly compared: number;
}

export interface PackageFinding {
  readonly path: string;
  readonly package: string;
}

/**
 * Compares every file with the digest that its package recorded for it, as debsums does. The digests are the
 * image's own word: this finds what was changed by mistake, not what somebody covered up.
 * @param chosen the paths to compare; default: all
 */
export async function comparePackageFiles(
  context: Context,
  content: ImageContent,
  chosen: (path: string) => boolean = () => true,
): Promise<PackageFiles> {
  const verbatim = new Set<string>();
  const changed: PackageFinding[] = [];
  const missing: PackageFinding[] = [];
  const configured: string[] = [];
  const wanted = [...(await packageFiles(content))].filter(([path]) => chosen(path));
  const excluded = await excludedPaths(content);
  for (const [path, { package: name, md5, conffile }] of wanted) {
    checkCancelled(context);
    const actual = await md5Of(content, path);
    if (actual === md5) verbatim.add(path);
    else if (conffile) configured.push(path);
    else if (actual !== undefined) changed.push({ path, package: name });
    else if (!excluded(path)) missing.push({ path, package: name });
  }
  return { verbatim, changed, missing, configured, compared: wanted.length };
}

async function md5Of(content: ImageContent, path: string): Promise<string | undefined> {
  const entry = content.entries.get(path);
  if (entry?.type !== 'file') return undefined;
  const hash = createHash('md5');
  for await (const piece of content.pieces(entry)) hash.update(piece);
  return hash.digest('hex');
}

/** What the packages brought, by its path in the tree. */
export async function packageFiles(content: ImageContent): Promise<Map<string, PackageFile>> {
  const files = new Map<string, PackageFile>();
  const diverted = parseDiversions((await content.text('/var/lib/dpkg/diversions')) ?? '');
  for (const list of content.below(INFO).filter(path => path.endsWith('.md5sums'))) {
    const name = list.slice(INFO.length + 1, -'.md5sums'.length).replace(/:.*/, '');
    for (const [path, md5] of parseMd5sums((await content.text(list)) ?? '')) {
      const divert = diverted.get(path);
      const placed = divert === undefined || divert.by === name ? path : divert.to;
      files.set(resolvePath(content.entries, placed), { package: name, md5, conffile: false });
    }
  }
  for (const { path, md5, package: name } of parseConffiles(
    (await content.text('/var/lib/dpkg/status')) ?? '',
  )) {
    files.set(resolvePath(content.entries, path), { package: name, md5, conffile: true });
  }
  return files;
}

/** `DIGEST  usr/bin/x`, one file a line; paths become absolute. */
export function parseMd5sums(text: string): [path: string, md5: string][] {
  return [...text.matchAll(/^([0-9a-f]{32}) {2}(.+)$/gm)].map(([, md5 = '', path = '']) => [`/${path}`, md5]);
}

/** Three lines each: the path, where it goes instead, and whose own stays (`:` for a local one). */
export function parseDiversions(text: string): Map<string, { to: string; by: string }> {
  const lines = text.split('\n');
  const found = new Map<string, { to: string; by: string }>();
  for (let at = 0; at + 2 < lines.length; at += 3) {
    found.set(lines[at] ?? '', { to: lines[at + 1] ?? '', by: lines[at + 2] ?? '' });
  }
  return found;
}

/** The `Conffiles:` of the installed packages, but for those that their packages gave up. */
export function parseConffiles(status: string): { path: string; md5: string; package: string }[] {
  return status.split(/\n\n+/).flatMap(paragraph => {
    if (!/^Status: .* installed$/m.test(paragraph)) return [];
    const name = /^Package: (.*)$/m.exec(paragraph)?.[1] ?? '';
    const list = /^Conffiles:\s*\n((?: .*\n?)+)/m.exec(paragraph)?.[1] ?? '';
    const rows = list.matchAll(/^ (\/.+) ([0-9a-f]{32})( obsolete| remove-on-upgrade)?$/gm);
    return [...rows].flatMap(([, path = '', md5 = '', gone]) =>
      gone === undefined ? [{ path, md5, package: name }] : [],
    );
  });
}

/** What dpkg was told not to unpack: path-exclude and path-include, of which the last that matches counts. */
async function excludedPaths(content: ImageContent): Promise<(path: string) => boolean> {
  const files = ['/etc/dpkg/dpkg.cfg', ...content.below('/etc/dpkg/dpkg.cfg.d')];
  const rules: { out: boolean; pattern: RegExp }[] = [];
  for (const file of files) {
    const text = (await content.text(file)) ?? '';
    for (const [, kind, glob = ''] of text.matchAll(/^\s*path-(exclude|include)[= ]\s*"?([^\s"]+)/gm)) {
      rules.push({ out: kind === 'exclude', pattern: globPattern(glob) });
    }
  }
  return path => rules.findLast(({ pattern }) => pattern.test(path))?.out ?? false;
}

/** As fnmatch(3) without flags: `*` takes slashes too. */
function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 's');
}
