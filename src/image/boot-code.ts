import { SECTOR } from './layout.ts';

/**
 * GRUB's boot code for BIOS on a GPT disk, laid by hand as grub-install would: boot.img into the protective
 * MBR, core.img into the BIOS boot partition. Offsets: grub-core/boot/i386/pc/boot.S and diskboot.S.
 */
const CORE_ADDRESS = 0x5c;
const DRIVE_CHECK = 0x66;
const CODE_SIZE = 440;
const BLOCKLIST = 0x1f4;
/** Where diskboot loads the rest of the core: physical 0x8200, as a segment. */
const SEGMENT = 0x820;

/** The first 440 bytes of the disk. */
export function bootSector(bootImage: Buffer, coreStart: number): Buffer {
  const code = Buffer.from(bootImage.subarray(0, CODE_SIZE));
  code.writeBigUInt64LE(BigInt(coreStart), CORE_ADDRESS);
  // Two NOPs in place of a jump: BIOSes tell the wrong drive only for floppies, which this is not.
  code.writeUInt16LE(0x9090, DRIVE_CHECK);
  return code;
}

/** core.img with the list of its own blocks, for a partition that starts at coreStart (sectors). */
export function coreImage(core: Buffer, coreStart: number): Buffer {
  const sectors = Math.ceil(core.length / SECTOR);
  const image = Buffer.alloc(sectors * SECTOR);
  core.copy(image);
  image.writeBigUInt64LE(BigInt(coreStart + 1), BLOCKLIST);
  image.writeUInt16LE(sectors - 1, BLOCKLIST + 8);
  image.writeUInt16LE(SEGMENT, BLOCKLIST + 10);
  return image;
}

/** Of core.img's second sector: how many bytes of redundancy are behind it. */
const REDUNDANCY = SECTOR + 0x10;

/**
 * Whether a disk holds a core image where its boot code looks for it: as we lay it, or as grub-install does, with
 * redundancy behind it and a list of blocks that is longer by that.
 * @param found what is there, of its length in sectors at least
 * @param coreStart where it begins (sectors)
 */
export function holdsCore(found: Buffer, core: Buffer, coreStart: number): boolean {
  const placed = coreImage(core, coreStart);
  const sectors = (image: Buffer) => image.readUInt16LE(BLOCKLIST + 8);
  const plain = (image: Buffer) => {
    const bytes = Buffer.from(image.subarray(0, core.length));
    bytes.fill(0, BLOCKLIST + 8, BLOCKLIST + 10);
    bytes.fill(0, REDUNDANCY, REDUNDANCY + 4);
    return bytes;
  };
  return sectors(found) >= sectors(placed) && plain(found).equals(plain(placed));
}
