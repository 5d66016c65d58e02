import type { EntryType } from './read/filesystem.ts';
import { compareText } from './read/names.ts';

/** What the inventory tells of one name; what does not apply is left out. */
export interface InventoryLine {
  /** Absolute in the image: `/etc/fstab`. */
  readonly path: string;
  readonly type: EntryType;
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  /** MAJOR:MINOR */
  readonly device?: string;
  /** What the names of one file have in common: its inode number. */
  readonly hardLink?: number | string;
  /** Extended attributes in base64, by name. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** What a reader of an image knows of one name. */
export interface EntryFacts extends Pick<InventoryLine, 'path' | 'type' | 'uid' | 'gid' | 'mtime'> {
  readonly mode: number;
  readonly content?: { readonly size: number; readonly sha256: string };
  readonly target?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly hardLink?: number;
  readonly attributes: ReadonlyMap<string, Buffer>;
}

/** The keys of a line, in the order in which the inventory has them. */
export function inventoryLine(facts: EntryFacts): InventoryLine {
  const { path, type, mode, uid, gid, content, target, device, hardLink, mtime } = facts;
  const attributes = [...facts.attributes]
    .map(([name, value]) => [name, value.toString('base64')] as const)
    .sort(([a], [b]) => compareText(a, b));
  return {
    ...{ path, type, mode: mode.toString(8).padStart(4, '0'), uid, gid },
    ...(content === undefined ? {} : content),
    ...(target === undefined ? {} : { target }),
    ...(device === undefined ? {} : { device: `${device.major}:${device.minor}` }),
    ...(hardLink === undefined ? {} : { hardLink }),
    ...(attributes.length === 0 ? {} : { attributes: Object.fromEntries(attributes) }),
    mtime,
  };
}

/** The lines of an inventory of ours; the first one is about the whole. */
export function parseInventory(text: string): InventoryLine[] {
  const [, ...lines] = text.split('\n').filter(line => line !== '');
  return lines.map(line => JSON.parse(line) as InventoryLine);
}
