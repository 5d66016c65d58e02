import { open } from 'node:fs/promises';
import { CheckError } from '../../host/errors.ts';
import { streamed } from '../../host/stream.ts';
import type { Converter, DiskReader } from './types.ts';

/** zstd takes over the owner of what it reads when it names its result itself; what is written to is the caller's. */
const COMPRESS = 'exec zstd -q -9 -T0 -c -- "$1" > "$2"';

/** zstd's workers give the same bytes however many they are; only --single-thread gives others. */
export const rawZstConverter: Converter = {
  files: ['raw.zst'],
  share: 0.6,
  argv: ({ raw, file }) => ['sh', '-c', COMPRESS, 'zstd', raw, file('raw.zst')],
};

export const rawZstReader: DiskReader = {
  tools: [{ needs: 'zstd', package: 'zstd' }],
  diskSize,
  read: (context, path) => streamed(context, ['zstd', '-q', '-d', '-c', '--', path]),
};

const MAGIC = 0xfd2fb528;

/** Bytes of two fields by the bits of a frame's descriptor: the size of the content, the number of a dictionary. */
const SIZES = [0, 2, 4, 8];
const DICTIONARIES = [0, 1, 2, 4];

/** What a zstd frame says of its content (RFC 8878, 3.1.1); whoever unpacks it counts all the same. */
async function diskSize(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(18), 0, 18, 0);
    const size = bytesRead > 5 ? contentSize(buffer) : undefined;
    if (size !== undefined) return size;
    throw new CheckError(`${path} is no zstd file that tells the size of its content`, {
      advice: 'build the image again',
    });
  } finally {
    await file.close();
  }
}

function contentSize(head: Buffer): number | undefined {
  if (head.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = head.readUInt8(4);
  const single = (descriptor & 0x20) !== 0;
  const length = SIZES[descriptor >> 6];
  const at = 5 + (single ? 0 : 1) + (DICTIONARIES[descriptor & 3] ?? 0);
  if (length === 0) return single ? head.readUInt8(at) : undefined;
  if (length === 2) return head.readUInt16LE(at) + 256;
  return length === 4 ? head.readUInt32LE(at) : Number(head.readBigUInt64LE(at));
}
