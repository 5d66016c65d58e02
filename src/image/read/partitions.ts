import { type Disk, SECTOR } from './disk.ts';
import { type Partition, readGpt } from './gpt.ts';
import { isProtective, isSigned, readMbr } from './mbr.ts';

/**
 * Where a partition lies, of a GPT or an MBR.
 * @param number counted from 1; 0 is the whole disk
 * @throws CheckError when there is no such partition, or the table is damaged
 */
export async function findPartition(disk: Disk, number: number): Promise<Pick<Partition, 'offset' | 'size'>> {
  if (number === 0) return { offset: 0, size: disk.size };
  const sector = await disk.read(0, SECTOR);
  const partitions =
    isSigned(sector) && !isProtective(sector) ? await readMbr(disk) : (await readGpt(disk)).partitions;
  const found = partitions.find(each => each.number === number);
  if (found === undefined) throw disk.damaged(`it has no partition ${number}`);
  return found;
}
