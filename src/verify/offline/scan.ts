import { type Context, checkCancelled } from '../../host/context.ts';
import type { ImageContent } from '../../image/content.ts';
import type { PackageFiles } from '../../image/package-files.ts';
import type { Entry } from '../../image/read/filesystem.ts';
import { findSecrets } from './secrets.ts';

/** A secret across two pieces of a file is found as long as it is shorter than this, characters. */
const OVERLAP = 4096;

/** What a path of a build host looks like, beside its name. */
const BUILD_PATHS = /\/home\/runner\/work\/|\/github\/workspace\/|\/__w\/\w|\.image-factory-\d+-\d+-\w/;

export interface Hit {
  readonly path: string;
  /** What it holds, a few words. */
  readonly what: string;
}

export interface Scan {
  readonly secrets: readonly Hit[];
  readonly hosts: readonly Hit[];
  readonly files: number;
  /** Bytes that were read. */
  readonly bytes: number;
}

/**
 * Reads every file that is not its package's own, byte for byte, for secrets and for names of the build host. What
 * a package brought unchanged is public anyway. What is packed inside a file, such as an initramfs, is not seen.
 * @param names of hosts, each distinctive enough to look for
 */
export async function scanFiles(
  context: Context,
  content: ImageContent,
  packages: PackageFiles,
  names: readonly string[],
): Promise<Scan> {
  const secrets: Hit[] = [];
  const hosts: Hit[] = [];
  const named = namesPattern(names);
  const files = [...content.entries.values()].filter(
    ({ type, path }) =>
      type === 'file' && !packages.verbatim.has(path) && !packages.verbatim.has(sourceOf(path)),
  );
  for (const entry of files) {
    checkCancelled(context);
    const { path } = entry;
    const found = await scanFile(content, entry, named);
    secrets.push(...[...found.secrets].map(kind => ({ path, what: `it holds ${kind}` })));
    hosts.push(...[...found.hosts].map(name => ({ path, what: `it names ${name}` })));
  }
  return { secrets, hosts, files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/** Of what Python compiled from a file beside it, that file; else the path itself. */
function sourceOf(path: string): string {
  return path.replace(/\/__pycache__\/([^/]+)\.cpython-\d+\.pyc$/, '/$1.py');
}

async function scanFile(content: ImageContent, entry: Entry, named: RegExp) {
  const secrets = new Set<string>();
  const hosts = new Set<string>();
  let before = '';
  for await (const piece of content.pieces(entry)) {
    const text = before + piece.toString('latin1');
    for (const kind of findSecrets(text)) secrets.add(kind);
    const host = named.exec(text)?.[0] ?? BUILD_PATHS.exec(text)?.[0];
    if (host !== undefined) hosts.add(host);
    before = text.slice(-OVERLAP);
  }
  return { secrets, hosts };
}

/** Whole words only; never matches where there is no name. */
function namesPattern(names: readonly string[]): RegExp {
  if (names.length === 0) return /(?!)/;
  const words = names.map(name => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`(?<![\\w-])(?:${words.join('|')})(?![\\w-])`, 'i');
}

/** Whether a host's name would not turn up by chance: `vm`, `builder` and `localhost` would. */
export function isDistinctive(name: string): boolean {
  return (
    /^[\w.-]{5,}$/.test(name) &&
    /[\d.-]/.test(name) &&
    !/^(localhost|debian|ubuntu|linux)[\d.-]*$/i.test(name)
  );
}
