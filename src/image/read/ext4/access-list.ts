import { type AccessEntry, isNamed } from '../access-list.ts';

const VERSION = 1;

/** A list as ext4 keeps it: an id only where somebody is named. @returns undefined when it is none */
export function parseAccessList(value: Buffer): AccessEntry[] | undefined {
  if (value.length < 4 || value.readUInt32LE(0) !== VERSION) return undefined;
  const entries: AccessEntry[] = [];
  for (let at = 4; at < value.length; ) {
    if (at + 4 > value.length) return undefined;
    const [tag, rights] = [value.readUInt16LE(at), value.readUInt16LE(at + 2)];
    const size = isNamed(tag) ? 8 : 4;
    if (at + size > value.length) return undefined;
    entries.push({ tag, rights, id: size === 8 ? value.readUInt32LE(at + 4) : 0 });
    at += size;
  }
  return entries;
}
