import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import type { GuestCheck, GuestUnderTest } from '../types.ts';

/** What inode tables and the journal may take; partitions beside the root are of the image's own size. */
const SHARE = 0.85;
const MIB = 1024 ** 2;
export const SIZE = "stat -f -c '%b %S' /";

export const rootGrows: GuestCheck = {
  kind: 'guest',
  name: 'root-grows',
  protects: 'The root filesystem fills the disk of the flavour that a customer pays for.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [SIZE],
  async run(guest) {
    const { imageSize, diskSize } = guest;
    const size = await rootSize(guest);
    const seen = `${mebibytes(size)} of root filesystem on a disk of ${mebibytes(diskSize)}`;
    const image = `the image has ${mebibytes(imageSize)}`;
    if (size > imageSize && size > (diskSize - imageSize) * SHARE) return `${seen}; ${image}`;
    throw new CheckError(`the root filesystem did not grow: ${seen}; ${image}`, {
      advice: 'the image needs cloud-init with growpart (cloud-guest-utils), and its root partition last',
    });
  },
};

/** Bytes of the root filesystem. */
export async function rootSize(guest: GuestUnderTest): Promise<number> {
  const [blocks, blockSize] = (await asked(guest, SIZE)).split(' ').map(Number);
  const size = (blocks ?? Number.NaN) * (blockSize ?? Number.NaN);
  if (Number.isSafeInteger(size)) return size;
  throw new CheckError('the size of the root filesystem cannot be read');
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
