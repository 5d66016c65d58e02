import type { InventoryLine } from './inventory-line.ts';
import {
  ACCESS_LIST,
  type AccessEntry,
  DEFAULT_LIST,
  decodeAccessList,
  isNamed,
  TAGS,
} from './read/access-list.ts';

/** What everybody may do with a new file under the usual umask of 022: read and execute. */
const USUAL = 5;

/**
 * The line without those access lists whose loss gives nobody a right that he had not: as systemd gives the group
 * adm a look at the journals. squashfs keeps none; one that holds somebody off stays here, and so is missed there.
 */
export function withoutGrants(line: InventoryLine): InventoryLine {
  const { attributes, ...rest } = line;
  if (attributes === undefined) return line;
  const kept = Object.entries(attributes).filter(
    ([name, value]) => !isGrant(name, Buffer.from(value, 'base64')),
  );
  return kept.length === 0 ? rest : { ...line, attributes: Object.fromEntries(kept) };
}

/** Whether an attribute is an access list whose loss gives nobody a right that he had not. */
export function isGrant(name: string, value: Buffer): boolean {
  if (name !== ACCESS_LIST && name !== DEFAULT_LIST) return false;
  const entries = decodeAccessList(value);
  if (entries === undefined) return false;
  const rights = (wanted: number) => entries.find(({ tag }) => tag === wanted)?.rights;
  const mask = rights(TAGS.mask) ?? rights(TAGS.owningGroup) ?? 0;
  // Without the list the mask is what the mode gives the owning group.
  const floor = name === DEFAULT_LIST ? USUAL : mask | (rights(TAGS.other) ?? 0);
  const effective = ({ tag, rights }: AccessEntry) => (tag === TAGS.other ? rights : rights & mask);
  const owningGroup = name === DEFAULT_LIST ? USUAL : mask | (rights(TAGS.other) ?? 0);
  return entries.every(entry => {
    if (entry.tag === TAGS.owningGroup) return holds(effective(entry), owningGroup);
    if (isNamed(entry.tag)) return holds(effective(entry), floor);
    return entry.tag !== TAGS.other || name !== DEFAULT_LIST || holds(entry.rights, USUAL);
  });
}

function holds(rights: number, wanted: number): boolean {
  return (rights & wanted) === wanted;
}
