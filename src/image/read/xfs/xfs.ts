import type { CheckError } from '../../../host/errors.ts';
import { type DirectoryEntry, InodeFilesystem } from '../filesystem.ts';
import { decodeName } from '../names.ts';
import type { Region } from '../region.ts';
import { Budget, LARGEST_DIRECTORY, LONGEST_TARGET, runContent } from '../runs.ts';
import { sortEntries } from '../sort-entries.ts';
import { attributesOf } from './attributes.ts';
import { INDEX_START, parseBlock, parseShort } from './directory.ts';
import { runsOf } from './extents.ts';
import { deviceOf, type Inode, readInode } from './inode.ts';
import type { Superblock } from './superblock.ts';
import { Volume } from './volume.ts';

const TARGET_MAGIC = 0x58534c4d;
const TARGET_HEADER = 56;

/**
 * Reads an XFS filesystem of version 5 without mounting it, as `mkfs.xfs` leaves it. Its bytes are untrusted: every
 * number is checked, and the total that may be read is bounded.
 */
export class Xfs extends InodeFilesystem<Inode> {
  protected readonly rootInode: number;
  readonly superblock: Superblock;
  readonly #volume: Volume;
  readonly #budget: Budget;

  constructor(volume: Volume) {
    super();
    this.#volume = volume;
    this.superblock = volume.superblock;
    this.rootInode = volume.superblock.rootInode;
    this.#budget = new Budget(volume, this.superblock.blocks * this.superblock.blockSize);
  }

  /** @throws CheckError when it is not a clean filesystem that we can read */
  static async open(region: Region): Promise<Xfs> {
    return new Xfs(await Volume.open(region));
  }

  protected damaged(what: string): CheckError {
    return this.#volume.damaged(what);
  }

  protected inodeOf(number: number): Promise<Inode> {
    return readInode(this.#volume, number);
  }

  protected attributesOf(inode: Inode): Promise<Map<string, Buffer>> {
    return attributesOf(this.#volume, inode);
  }

  protected deviceOf(inode: Inode): { major: number; minor: number } {
    return deviceOf(inode);
  }

  protected async entriesOf({ data, number }: Inode): Promise<DirectoryEntry[]> {
    const volume = this.#volume;
    if (data.format === 'local') return sortEntries(volume, parseShort(volume, data.body));
    const { blockSize } = this.superblock;
    const runs = await runsOf(volume, { inode: number, fork: data }, INDEX_START / blockSize);
    const blocks = runs.reduce((all, { count }) => all + count, 0);
    if (blocks * blockSize > LARGEST_DIRECTORY) throw volume.damaged(`the directory ${number} is too large`);
    this.#budget.charge(blocks * blockSize);
    const entries: DirectoryEntry[] = [];
    for (const { physical, count } of runs) {
      for (let block = physical; block < physical + count; block++) {
        for (const entry of parseBlock(volume, await volume.readBlock(block))) entries.push(entry);
      }
    }
    return sortEntries(volume, entries);
  }

  protected async targetOf({ data, size, number }: Inode): Promise<string> {
    if (size === 0 || size > LONGEST_TARGET || (data.format === 'local' && size > data.body.length)) {
      throw this.damaged(`the symlink ${number} has a wrong length`);
    }
    if (data.format === 'local') return decodeName(data.body.subarray(0, size));
    const room = this.superblock.blockSize - TARGET_HEADER;
    const runs = await runsOf(this.#volume, { inode: number, fork: data }, Math.ceil(size / room));
    const pieces: Buffer[] = [];
    for (const { physical, count } of runs) {
      for (let block = physical; block < physical + count; block++)
        pieces.push(await this.#targetPiece(block));
    }
    const target = Buffer.concat(pieces);
    if (target.length !== size) throw this.damaged(`the symlink ${number} has a wrong length`);
    return decodeName(target);
  }

  async #targetPiece(number: number): Promise<Buffer> {
    const block = await this.#volume.readBlock(number);
    const end = TARGET_HEADER + block.readUInt32BE(8);
    if (block.readUInt32BE(0) !== TARGET_MAGIC || end > block.length)
      throw this.damaged('a symlink is damaged');
    return block.subarray(TARGET_HEADER, end);
  }

  protected async *piecesOf({ data, size, number }: Inode): AsyncGenerator<Buffer, void, undefined> {
    this.#budget.charge(size);
    const { blockSize, blocks } = this.superblock;
    const end = Math.ceil(size / blockSize);
    if (end > blocks)
      throw this.damaged(`inode ${number} claims ${size} bytes, more than the filesystem has`);
    const runs = await runsOf(this.#volume, { inode: number, fork: data }, end);
    const read = (block: number, offset: number, length: number) => this.#volume.read(block, offset, length);
    yield* runContent(runs, size, { blockSize, read });
  }
}
