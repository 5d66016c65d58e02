import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { type InstalledPackage, parseDpkgStatus } from '../../src/image/packages.ts';
import { openDisk } from '../../src/image/read/disk.ts';
import { Ext4 } from '../../src/image/read/ext4/ext4.ts';
import type { Entry } from '../../src/image/read/filesystem.ts';

const exec = promisify(execFile);
const SECTOR = 512;
const LARGEST = 64 * 1024 * 1024;

/** What is compared of one name in a tree; times are not. Values are text, those that do not apply are left out. */
export interface Facts {
  readonly type: string;
  /** Octal. */
  readonly mode: string;
  /** `uid:gid` */
  readonly owner: string;
  readonly sha256?: string;
  readonly target?: string;
  readonly device?: string;
  /** Extended attributes, base64. */
  readonly attributes?: string;
  /** The first path of the same inode, for a file with several names. */
  readonly sameAs?: string;
}

export interface Tree {
  readonly facts: ReadonlyMap<string, Facts>;
  readonly packages: readonly InstalledPackage[];
  /** Content of a file, for differences that have to be looked at closely. */
  content(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** Reads the root tree of a raw disk with any partition table, without mounting it. */
export async function readTree(raw: string): Promise<Tree> {
  const disk = await openDisk(raw);
  const root = await rootOf(raw, (offset, size) => Ext4.open(disk, offset, size));
  const facts = new Map<string, Facts>();
  const first = new Map<number, string>();
  for await (const entry of root.walk()) {
    facts.set(entry.path, await factsOf(root, entry, first));
  }
  const content = async (path: string) => (await root.readFile(path, LARGEST)) ?? Buffer.alloc(0);
  const packages = parseDpkgStatus((await content('/var/lib/dpkg/status')).toString());
  return { facts, packages, content, close: () => disk.close() };
}

/** The one partition that holds a Debian. */
async function rootOf(raw: string, open: (offset: number, size: number) => Promise<Ext4>): Promise<Ext4> {
  const { stdout } = await exec('sfdisk', ['--json', raw]);
  const table = JSON.parse(stdout) as { partitiontable: { partitions: { start: number; size: number }[] } };
  for (const { start, size } of table.partitiontable.partitions) {
    const filesystem = await open(start * SECTOR, size * SECTOR).catch(() => undefined);
    if (await filesystem?.readFile('/var/lib/dpkg/status', LARGEST)) return filesystem as Ext4;
  }
  throw new Error(`${raw} has no partition with a Debian`);
}

async function factsOf(root: Ext4, entry: Entry, first: Map<number, string>): Promise<Facts> {
  const attributes = [...entry.attributes].map(([name, value]) => `${name}=${value.toString('base64')}`);
  const shared = entry.type === 'file' && entry.links > 1;
  if (shared && !first.has(entry.inode)) first.set(entry.inode, entry.path);
  return {
    type: entry.type,
    mode: entry.mode.toString(8).padStart(4, '0'),
    owner: `${entry.uid}:${entry.gid}`,
    ...(entry.type === 'file' ? { sha256: await digest(root, entry) } : {}),
    ...(entry.target === undefined ? {} : { target: entry.target }),
    ...(entry.device === undefined ? {} : { device: `${entry.device.major}:${entry.device.minor}` }),
    ...(attributes.length === 0 ? {} : { attributes: attributes.join(' ') }),
    ...(shared ? { sameAs: first.get(entry.inode) ?? '' } : {}),
  };
}

async function digest(root: Ext4, entry: Entry): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of root.read(entry)) hash.update(piece);
  return hash.digest('hex');
}

/** Enabled services and timers: the links that systemd follows at boot. */
export function enabledServices(tree: Pick<Tree, 'facts'>): string[] {
  return [...tree.facts]
    .filter(([path]) => /^\/etc\/systemd\/system\/[^/]+\.(wants|requires|upholds)\/[^/]+$/.test(path))
    .map(([path, facts]) => `${path.slice('/etc/systemd/system/'.length)} -> ${facts.target ?? facts.type}`)
    .sort();
}

/** `name:architecture version`, sorted. */
export function packageVersions(tree: Pick<Tree, 'packages'>): string[] {
  return tree.packages.map(each => `${each.name}:${each.architecture} ${each.version}`).sort();
}
