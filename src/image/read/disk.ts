import { type FileHandle, open } from 'node:fs/promises';
import { CheckError, DefinitionError } from '../../host/errors.ts';

/** Bytes; the unit of partition tables. */
export const SECTOR = 512;

/** Small reads are served from pieces of this size, so that tables are not read entry by entry. */
const PIECE = 256 * 1024;
const PIECES_KEPT = 128;
/** No structure of a disk needs more at once; a larger request comes from a hostile length field. */
const LARGEST_READ = 16 * 1024 * 1024;

/**
 * Random access to an untrusted disk image. All offsets and lengths are bytes; a read beyond the end is a
 * CheckError, since only a wrong number inside the image asks for it.
 */
export class Disk {
  readonly path: string;
  readonly size: number;
  readonly #file: FileHandle;
  readonly #pieces = new Map<number, Promise<Buffer>>();

  constructor(path: string, size: number, file: FileHandle) {
    this.path = path;
    this.size = size;
    this.#file = file;
  }

  /** @returns exactly `length` bytes; the buffer may be shared, so it is read and never written */
  async read(offset: number, length: number): Promise<Buffer> {
    this.#bounds(offset, length);
    const start = Math.floor(offset / PIECE) * PIECE;
    if (offset + length > start + PIECE) return this.#readNow(offset, length);
    const piece = await this.#piece(start);
    return piece.subarray(offset - start, offset - start + length);
  }

  async close(): Promise<void> {
    this.#pieces.clear();
    await this.#file.close();
  }

  /** An error about the image's bytes, for whoever parses them. */
  damaged(what: string): CheckError {
    return new CheckError(`${this.path}: ${what}`, {
      advice: 'the image is damaged, or not what this version reads; build it again',
    });
  }

  #bounds(offset: number, length: number): void {
    const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!sane || length > LARGEST_READ || offset + length > this.size) {
      throw this.damaged(`its structures point to ${length} bytes at ${offset}, the disk has ${this.size}`);
    }
  }

  #piece(start: number): Promise<Buffer> {
    const kept = this.#pieces.get(start);
    const piece = kept ?? this.#readNow(start, Math.min(PIECE, this.size - start));
    // Inserting again makes it the youngest: a Map keeps the order of insertion.
    this.#pieces.delete(start);
    this.#pieces.set(start, piece);
    const oldest = this.#pieces.keys().next();
    if (this.#pieces.size > PIECES_KEPT && !oldest.done) this.#pieces.delete(oldest.value);
    return piece;
  }

  async #readNow(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#file.read(buffer, done, length - done, offset + done);
      if (bytesRead === 0) throw this.damaged('it became shorter while it was read');
      done += bytesRead;
    }
    return buffer;
  }
}

/**
 * Opens a raw disk image for reading.
 * @throws DefinitionError when there is no such regular file
 */
export async function openDisk(path: string): Promise<Disk> {
  const file = await open(path, 'r').catch(cause => {
    throw new DefinitionError(`${path} cannot be opened`, { advice: 'name a raw disk image', cause });
  });
  const stat = await file.stat();
  if (stat.isFile()) return new Disk(path, stat.size, file);
  await file.close();
  throw new DefinitionError(`${path} is not a regular file`, { advice: 'name a raw disk image' });
}
