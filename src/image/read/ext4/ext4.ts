import type { CheckError } from '../../../host/errors.ts';
import type { Disk } from '../disk.ts';
import { type DirectoryEntry, InodeFilesystem } from '../filesystem.ts';
import { decodeName } from '../names.ts';
import { Budget, LARGEST_DIRECTORY, LONGEST_TARGET, runContent, zeros } from '../runs.ts';
import { sortEntries } from '../sort-entries.ts';
import { INLINE_DATA, storedAttributes } from './attributes.ts';
import { runsOf } from './blocks.ts';
import { parseEntries } from './directory.ts';
import { deviceOf, FLAGS, type Inode, ROOT_INODE, readInode } from './inode.ts';
import type { Superblock } from './superblock.ts';
import { Volume } from './volume.ts';

/**
 * Reads an ext2, ext3 or ext4 filesystem without mounting it. Its bytes are untrusted: every number is checked, and
 * the total that may be read is bounded, so that blocks shared by many files cannot keep us busy.
 */
export class Ext4 extends InodeFilesystem<Inode> {
  protected readonly rootInode = ROOT_INODE;
  readonly superblock: Superblock;
  readonly #volume: Volume;
  readonly #budget: Budget;

  constructor(volume: Volume) {
    super();
    this.#volume = volume;
    this.superblock = volume.superblock;
    this.#budget = new Budget(volume, this.superblock.blocks * this.superblock.blockSize);
  }

  /**
   * @param offset where the filesystem starts on the disk, bytes
   * @param size room it has there, bytes
   * @throws CheckError when it is not a clean filesystem that we can read
   */
  static async open(disk: Disk, offset: number, size: number): Promise<Ext4> {
    return new Ext4(await Volume.open({ disk, offset, size }));
  }

  protected async entriesOf(inode: Inode): Promise<DirectoryEntry[]> {
    const volume = this.#volume;
    if (inode.flags & FLAGS.inlineData) {
      // The parent's number comes first, and there are no entries for `.` and `..`.
      const rest = (await storedAttributes(volume, inode)).get(INLINE_DATA) ?? Buffer.alloc(0);
      return sortEntries(volume, [
        ...parseEntries(volume, inode.map.subarray(4)),
        ...parseEntries(volume, rest),
      ]);
    }
    const { blockSize } = this.superblock;
    if (inode.size % blockSize !== 0 || inode.size > LARGEST_DIRECTORY)
      throw volume.damaged(`the directory ${inode.number} has a wrong size`);
    const entries: DirectoryEntry[] = [];
    for await (const piece of this.piecesOf(inode)) {
      for (let at = 0; at < piece.length; at += blockSize) {
        for (const entry of parseEntries(volume, piece.subarray(at, at + blockSize))) entries.push(entry);
      }
    }
    return sortEntries(volume, entries);
  }

  protected damaged(what: string): CheckError {
    return this.#volume.damaged(what);
  }

  protected inodeOf(number: number): Promise<Inode> {
    return readInode(this.#volume, number);
  }

  protected async attributesOf(inode: Inode): Promise<Map<string, Buffer>> {
    const attributes = await storedAttributes(this.#volume, inode);
    attributes.delete(INLINE_DATA);
    return attributes;
  }

  protected deviceOf(inode: Inode): { major: number; minor: number } {
    return deviceOf(inode);
  }

  protected async targetOf(inode: Inode): Promise<string> {
    const { blockSize } = this.superblock;
    const outside = inode.charged - (inode.attributeBlock === 0 ? 0 : blockSize / 512);
    const inside = (inode.flags & FLAGS.inlineData) === 0 && outside === 0;
    if (inode.size === 0 || (inside && inode.size >= inode.map.length)) {
      throw this.#volume.damaged(`the symlink ${inode.number} has a wrong length`);
    }
    const target = inside ? inode.map.subarray(0, inode.size) : await this.contentOf(inode, LONGEST_TARGET);
    return decodeName(target);
  }

  protected async *piecesOf(inode: Inode): AsyncGenerator<Buffer, void, undefined> {
    this.#budget.charge(inode.size);
    if (inode.flags & FLAGS.inlineData) return yield* this.#inline(inode);
    const { blockSize } = this.superblock;
    const read = (block: number, offset: number, length: number) => this.#volume.read(block, offset, length);
    yield* runContent(await runsOf(this.#volume, inode), inode.size, { blockSize, read });
  }

  /** As the kernel does, it reads zeros behind the data: mke2fs leaves out what is only zeros. */
  async *#inline(inode: Inode): AsyncGenerator<Buffer, void, undefined> {
    const rest = (await storedAttributes(this.#volume, inode)).get(INLINE_DATA) ?? Buffer.alloc(0);
    const all = Buffer.concat([inode.map, rest]).subarray(0, inode.size);
    yield all;
    yield* zeros(inode.size - all.length);
  }
}
