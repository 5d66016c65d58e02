const LOCAL = 0x1;
const ROOT = 0x2;
const SECURE = 0x4;
const HEADER = 80;
const ROW = 8;

/** One attribute of a list; a value that stands elsewhere has its size and the number of its first block. */
export interface StoredAttribute {
  /** With its dot. */
  readonly namespace: string;
  readonly name: Buffer;
  readonly value?: Buffer;
  readonly size: number;
  readonly block: number;
}

/** `trusted` and `security` have a bit each; other bits are of attributes that are not finished, or of no guest's. */
function namespaceOf(flags: number): string | undefined {
  return { 0: 'user.', [ROOT]: 'trusted.', [SECURE]: 'security.' }[flags & ~LOCAL];
}

/** The list in an inode. @returns undefined when it is damaged */
export function parseShort(body: Buffer): StoredAttribute[] | undefined {
  if (body.length < 4) return undefined;
  const found: StoredAttribute[] = [];
  let at = 4;
  for (let count = body.readUInt8(2); count > 0; count--) {
    if (at + 3 > body.length) return undefined;
    const [nameSize, size] = [body.readUInt8(at), body.readUInt8(at + 1)];
    const attribute = local(body, at + 3, nameSize, size, body.readUInt8(at + 2) | LOCAL);
    if (attribute === undefined) return undefined;
    found.push(attribute);
    at += 3 + nameSize + size;
  }
  return found;
}

/** The list in a block. @returns undefined when it is damaged */
export function parseLeaf(block: Buffer): StoredAttribute[] | undefined {
  const count = block.readUInt16BE(56);
  if (HEADER + count * ROW > block.length) return undefined;
  const found: StoredAttribute[] = [];
  for (let row = HEADER; row < HEADER + count * ROW; row += ROW) {
    const [at, flags] = [block.readUInt16BE(row + 4), block.readUInt8(row + 6)];
    const attribute = flags & LOCAL ? inLeaf(block, at, flags) : elsewhere(block, at, flags);
    if (attribute === undefined) return undefined;
    found.push(attribute);
  }
  return found;
}

function inLeaf(block: Buffer, at: number, flags: number): StoredAttribute | undefined {
  if (at + 3 > block.length) return undefined;
  return local(block, at + 3, block.readUInt8(at + 2), block.readUInt16BE(at), flags);
}

function elsewhere(block: Buffer, at: number, flags: number): StoredAttribute | undefined {
  const namespace = namespaceOf(flags);
  const end = at + 9 + (at + 9 > block.length ? 0 : block.readUInt8(at + 8));
  if (namespace === undefined || end > block.length) return undefined;
  const [first, size] = [block.readUInt32BE(at), block.readUInt32BE(at + 4)];
  return { namespace, name: block.subarray(at + 9, end), size, block: first };
}

/** Name and value stand one behind the other. */
function local(
  bytes: Buffer,
  at: number,
  nameSize: number,
  size: number,
  flags: number,
): StoredAttribute | undefined {
  const namespace = namespaceOf(flags);
  const middle = at + nameSize;
  if (namespace === undefined || nameSize === 0 || middle + size > bytes.length) return undefined;
  return {
    namespace,
    name: bytes.subarray(at, middle),
    value: bytes.subarray(middle, middle + size),
    size,
    block: 0,
  };
}
