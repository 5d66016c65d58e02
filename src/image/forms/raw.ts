import { open } from 'node:fs/promises';
import { CheckError } from '../../host/errors.ts';
import { readFilePieces } from './pieces.ts';
import type { Converter, DiskReader } from './types.ts';

/** Sparse: no more than the tree. */
export const rawConverter: Converter = { files: ['raw'], share: 1 };
export const rawReader: DiskReader = { diskSize, read: (_context, path) => readFilePieces(path) };

/** How other formats begin: a raw disk that begins so is another disk to whoever guesses its format. */
const MAGICS: readonly [string, number, Buffer][] = [
  ['qcow2', 0, Buffer.from('QFI\xfb', 'latin1')],
  ['qed', 0, Buffer.from('QED\0')],
  ['vmdk', 0, Buffer.from('KDMV')],
  ['vmdk', 0, Buffer.from('# Disk DescriptorFile')],
  ['vhd', 0, Buffer.from('conectix')],
  ['vhdx', 0, Buffer.from('vhdxfile')],
  ['luks', 0, Buffer.from('LUKS\xba\xbe', 'latin1')],
  ['vdi', 64, Buffer.from([0x7f, 0x10, 0xda, 0xbe])],
];

async function diskSize(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const other = MAGICS.find(([, at, magic]) => buffer.subarray(at, at + magic.length).equals(magic));
    if (other === undefined) return (await file.stat()).size;
    throw new CheckError(`${path} should be a raw disk and begins like ${other[0]}`, {
      advice: 'build the image again',
    });
  } finally {
    await file.close();
  }
}
