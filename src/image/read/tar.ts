import { createHash } from 'node:crypto';
import { CheckError } from '../../host/errors.ts';
import type { EntryType } from './filesystem.ts';
import { decodeName } from './names.ts';

const BLOCK = 512;
/** A header of long names and attributes; more comes from a hostile length. */
const LONGEST_HEADER = 4 * 1024 * 1024;
const MOST_ENTRIES = 2_000_000;

export interface TarEntry {
  /** Absolute in the image: `/etc/fstab`. */
  readonly path: string;
  readonly type: EntryType | 'hardlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, rounded down. */
  readonly mtime: number;
  /** Only for files: bytes, and lower-case hex; themselves where they were to be kept. */
  readonly content?: { readonly size: number; readonly sha256: string; readonly bytes?: Buffer };
  /** Of a symlink as it is; of a hard link the absolute path of the other name. */
  readonly target?: string;
  /** Only for device nodes. */
  readonly device?: { readonly major: number; readonly minor: number };
  readonly attributes: ReadonlyMap<string, Buffer>;
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  ...{ '0': 'file', '\0': 'file', '1': 'hardlink', '2': 'symlink', '3': 'character', '4': 'block' },
  ...{ '5': 'directory', '6': 'fifo' },
};

/**
 * Reads a tar archive in the formats ustar, pax and GNU, as GNU tar and sqfs2tar write them.
 * @param name of the file, for messages
 * @param kept files of at most so many bytes come with their content
 * @throws CheckError when it is damaged or cut short
 */
export async function* readTar(
  source: AsyncIterable<Buffer>,
  name: string,
  kept = -1,
): AsyncGenerator<TarEntry, void, undefined> {
  const reader = new Reader(source, name, kept);
  try {
    yield* entriesOf(reader);
    await reader.end();
  } finally {
    await reader.close();
  }
}

async function* entriesOf(reader: Reader): AsyncGenerator<TarEntry, void, undefined> {
  let records = new Map<string, Buffer>();
  for (let count = 0; ; count++) {
    if (count > MOST_ENTRIES) throw reader.damaged(`names more than ${MOST_ENTRIES} files`);
    const header = await reader.take(BLOCK);
    if (header.every(byte => byte === 0)) return;
    checkSum(reader, header);
    const kind = String.fromCharCode(header[156] ?? 0);
    const size = numberOf(reader, records.get('size'), header.subarray(124, 136));
    if ('xgLK'.includes(kind)) {
      for (const [key, value] of await extensions(reader, kind, size)) records.set(key, value);
      continue;
    }
    yield await entryOf(reader, header, kind, size, records);
    records = new Map();
  }
}

/** What a header tells of the next entry; no archive of ours tells of all that follow. */
async function extensions(reader: Reader, kind: string, size: number): Promise<Map<string, Buffer>> {
  if (size > LONGEST_HEADER) throw reader.damaged(`has a header of ${size} bytes`);
  const body = await reader.take(size);
  await reader.take(padding(size));
  if (kind === 'x') return paxRecords(reader, body);
  if (kind === 'L') return new Map([['path', upToZero(body)]]);
  if (kind === 'K') return new Map([['linkpath', upToZero(body)]]);
  throw reader.damaged('changes all of its entries by one header');
}

async function entryOf(
  reader: Reader,
  header: Buffer,
  kind: string,
  size: number,
  records: ReadonlyMap<string, Buffer>,
): Promise<TarEntry> {
  const type = TYPES[kind];
  if (type === undefined) throw reader.damaged(`has an entry of the unknown type ${JSON.stringify(kind)}`);
  const field = (key: string, start: number, end: number) =>
    records.get(key) ?? upToZero(header.subarray(start, end));
  const path = absolute(decodeName(records.get('path') ?? ustarPath(header)));
  const target = decodeName(field('linkpath', 157, 257));
  const content = type === 'file' ? await reader.content(size) : undefined;
  const attributes = [...records]
    .filter(([key]) => key.startsWith('SCHILY.xattr.'))
    .map(([key, value]) => [key.slice('SCHILY.xattr.'.length), value] as const);
  return {
    ...{ path, type },
    mode: octal(reader, header.subarray(100, 108)) & 0o7777,
    uid: numberOf(reader, records.get('uid'), header.subarray(108, 116)),
    gid: numberOf(reader, records.get('gid'), header.subarray(116, 124)),
    mtime: numberOf(reader, records.get('mtime'), header.subarray(136, 148)),
    ...(content === undefined ? {} : { content }),
    ...(type === 'symlink' ? { target } : {}),
    ...(type === 'hardlink' ? { target: absolute(target) } : {}),
    ...(type === 'character' || type === 'block' ? { device: deviceOf(reader, header) } : {}),
    attributes: new Map(attributes),
  };
}

function deviceOf(reader: Reader, header: Buffer): { major: number; minor: number } {
  const number = (start: number) => octal(reader, header.subarray(start, start + 8));
  return { major: number(329), minor: number(337) };
}

/** Bytes of an untrusted archive, in order. */
class Reader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #name: string;
  readonly #kept: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>, name: string, kept: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#name = name;
    this.#kept = kept;
  }

  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(length)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** A file of so many bytes; the rest of their last block is passed over. */
  async content(size: number): Promise<NonNullable<TarEntry['content']>> {
    const hash = createHash('sha256');
    const bytes: Buffer[] = [];
    for await (const piece of this.#pieces(size)) {
      hash.update(piece);
      if (size <= this.#kept) bytes.push(piece);
    }
    await this.take(padding(size));
    const sha256 = hash.digest('hex');
    return { size, sha256, ...(size <= this.#kept && { bytes: Buffer.concat(bytes) }) };
  }

  async *#pieces(length: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = length; left > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done) throw this.damaged('is cut short');
        this.#rest = next.value;
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Behind its last entry an archive is empty, or somebody else reads more in it than we do. */
  async end(): Promise<void> {
    for (let rest: Buffer | undefined = this.#rest; rest !== undefined; ) {
      if (rest.some(byte => byte !== 0)) throw this.damaged('goes on behind its end');
      const next = await this.#source.next();
      rest = next.done ? undefined : next.value;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  damaged(what: string): CheckError {
    return new CheckError(`${this.#name} ${what}`, { advice: 'build the image again' });
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function checkSum(reader: Reader, header: Buffer): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== octal(reader, header.subarray(148, 156))) throw reader.damaged('has a damaged header');
}

function octal(reader: Reader, field: Buffer): number {
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]*$/.test(text)) throw reader.damaged('has a damaged header');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

/** A number from its pax record, else from the header: octal, or binary where the first bit is set. */
function numberOf(reader: Reader, record: Buffer | undefined, field: Buffer): number {
  const value =
    record !== undefined
      ? Math.floor(Number(record.toString('latin1')))
      : (field[0] ?? 0) & 0x80
        ? Number(field.readBigInt64BE(field.length - 8) & 0x7fff_ffff_ffff_ffffn)
        : octal(reader, field);
  if (!Number.isSafeInteger(value)) throw reader.damaged('has a damaged header');
  return value;
}

function upToZero(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function ustarPath(header: Buffer): Buffer {
  const name = upToZero(header.subarray(0, 100));
  const prefix = upToZero(header.subarray(345, 500));
  const ustar = header.toString('latin1', 257, 263) === 'ustar\0';
  return ustar && prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name;
}

function absolute(path: string): string {
  return `/${path.replace(/^\.?\/+|^\.$/, '').replace(/\/+$/, '')}`;
}

/** `LENGTH KEY=VALUE\n`, one after the other; values are bytes. */
function paxRecords(reader: Reader, body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString('latin1', at, Math.max(space, at)));
    const equals = body.indexOf(0x3d, space);
    const end = at + length;
    if (!Number.isInteger(length) || length < 5 || end > body.length || equals < 0 || equals >= end) {
      throw reader.damaged('has a damaged header');
    }
    records.set(body.toString('latin1', space + 1, equals), body.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}
