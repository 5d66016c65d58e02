import { type Disk, SECTOR } from './disk.ts';
import type { Partition } from './gpt.ts';

/** What stands in a slot of an MBR for a GPT, and for a chain of logical partitions. */
const PROTECTIVE = 0xee;
const EXTENDED = [0x05, 0x0f, 0x85];

/** Whether the first sector carries a GPT's protective MBR. */
export function isProtective(sector: Buffer): boolean {
  return slots(sector).some(slot => slot.readUInt8(4) === PROTECTIVE);
}

export function isSigned(sector: Buffer): boolean {
  return sector.readUInt16LE(510) === 0xaa55;
}

/**
 * Reads the primary partitions of an MBR.
 * @throws CheckError when there is none, when partitions overlap or leave the disk, or when some are logical
 */
export async function readMbr(disk: Disk): Promise<Partition[]> {
  const sector = await disk.read(0, SECTOR);
  if (!isSigned(sector)) throw disk.damaged('no partition table, its first sector is unsigned');
  const partitions = slots(sector).flatMap((slot, index) => parseSlot(disk, slot, index + 1) ?? []);
  const sorted = [...partitions].sort((a, b) => a.firstLba - b.firstLba);
  for (const [index, next] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && next.firstLba <= before.lastLba) {
      throw disk.damaged(`partitions ${before.number} and ${next.number} overlap`);
    }
  }
  return partitions;
}

function slots(sector: Buffer): Buffer[] {
  return [0, 1, 2, 3].map(slot => sector.subarray(446 + slot * 16, 462 + slot * 16));
}

function parseSlot(disk: Disk, slot: Buffer, number: number): Partition | undefined {
  const type = slot.readUInt8(4);
  const firstLba = slot.readUInt32LE(8);
  const sectors = slot.readUInt32LE(12);
  if (type === 0 || sectors === 0) return undefined;
  if (EXTENDED.includes(type))
    throw disk.damaged(`partition ${number} holds logical ones, which are not read`);
  const lastLba = firstLba + sectors - 1;
  if (firstLba === 0 || (lastLba + 1) * SECTOR > disk.size) {
    throw disk.damaged(`partition ${number} spans sectors ${firstLba} to ${lastLba}, outside of the disk`);
  }
  return {
    ...{ number, type: type.toString(16).padStart(2, '0'), guid: '', name: '', firstLba, lastLba },
    ...{ offset: firstLba * SECTOR, size: sectors * SECTOR },
  };
}
