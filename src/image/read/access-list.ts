/** POSIX access control lists: acl(5), and the kernel's include/uapi/linux/posix_acl_xattr.h. */

export const ACCESS_LIST = 'system.posix_acl_access';
export const DEFAULT_LIST = 'system.posix_acl_default';

export const TAGS = { owner: 1, user: 2, owningGroup: 4, group: 8, mask: 16, other: 32 } as const;

export interface AccessEntry {
  /** One of TAGS. */
  readonly tag: number;
  /** Read 4, write 2, execute 1. */
  readonly rights: number;
  /** Of the user or group that is named; of no meaning for other tags. */
  readonly id: number;
}

const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;
const NO_ID = 0xffff_ffff;

/** Whether entries of this tag name somebody. */
export function isNamed(tag: number): boolean {
  return tag === TAGS.user || tag === TAGS.group;
}

/** The value that a guest is told, whatever form the filesystem keeps it in. */
export function encodeAccessList(entries: readonly AccessEntry[]): Buffer {
  const value = Buffer.alloc(HEADER + entries.length * ENTRY);
  value.writeUInt32LE(VERSION, 0);
  for (const [index, { tag, rights, id }] of entries.entries()) {
    const at = HEADER + index * ENTRY;
    value.writeUInt16LE(tag, at);
    value.writeUInt16LE(rights, at + 2);
    value.writeUInt32LE(isNamed(tag) ? id : NO_ID, at + 4);
  }
  return value;
}

/** @returns undefined when the value is no list */
export function decodeAccessList(value: Buffer): AccessEntry[] | undefined {
  if (value.length < HEADER || value.readUInt32LE(0) !== VERSION) return undefined;
  if ((value.length - HEADER) % ENTRY !== 0) return undefined;
  return Array.from({ length: (value.length - HEADER) / ENTRY }, (_, index) => {
    const at = HEADER + index * ENTRY;
    return {
      tag: value.readUInt16LE(at),
      rights: value.readUInt16LE(at + 2),
      id: value.readUInt32LE(at + 4),
    };
  });
}
