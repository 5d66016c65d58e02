import { open } from 'node:fs/promises';
import { CheckError } from '../../host/errors.ts';

const MAGIC = 0x514649fb;
/** Bits of the incompatible features, docs/interop/qcow2.txt of QEMU. */
const FEATURES = { dirty: 1n, corrupt: 2n, externalData: 4n, compression: 8n } as const;
const EXTENSIONS = { end: 0, externalData: 0x44415441, encryption: 0x0537be77 } as const;
/** All extensions stand in the first cluster; we need no more of it than this. */
const HEAD = 64 * 1024;

export interface Qcow2Facts {
  readonly version: number;
  /** Size of the disk that a guest sees, bytes. */
  readonly diskSize: number;
  readonly compression: 'zlib' | 'zstd';
}

/**
 * Reads the header of a qcow2 and refuses one that reads anything beside itself or is not whole: a backing
 * or data file could be any file of the host that opens it (CVE-2024-32498).
 * @throws CheckError
 */
export async function qcow2Facts(path: string): Promise<Qcow2Facts> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    const problem = qcow2Problem(buffer.subarray(0, bytesRead));
    if (problem === undefined) return factsOf(buffer);
    throw new CheckError(`${path} ${problem}`, { advice: 'build the image again' });
  } finally {
    await file.close();
  }
}

function factsOf(head: Buffer): Qcow2Facts {
  return {
    version: head.readUInt32BE(4),
    diskSize: Number(head.readBigUInt64BE(24)),
    compression: compressionOf(head) === 1 ? 'zstd' : 'zlib',
  };
}

/** What forbids to use the file; undefined when nothing does. @param head its first bytes, up to 64 KiB */
export function qcow2Problem(head: Buffer): string | undefined {
  if (head.length < 72 || head.readUInt32BE(0) !== MAGIC) return 'is no qcow2 file';
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return `has the qcow2 version ${version}, not 2 or 3`;
  if (version === 3 && head.length < 104) return 'is truncated';
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0) return 'has a backing file';
  if (head.readUInt32BE(32) !== 0) return 'is encrypted';
  if (head.readUInt32BE(60) !== 0) return 'holds internal snapshots';
  if (head.readBigUInt64BE(24) > BigInt(Number.MAX_SAFE_INTEGER)) return 'holds an impossibly large disk';
  return (version === 3 ? featureProblem(head) : undefined) ?? extensionProblem(head);
}

function featureProblem(head: Buffer): string | undefined {
  const features = head.readBigUInt64BE(72);
  if (features & FEATURES.externalData) return 'has an external data file';
  if (features & (FEATURES.dirty | FEATURES.corrupt)) return 'was not closed cleanly';
  if (features & ~FEATURES.compression) return 'has features that this version does not know';
  if (compressionOf(head) > 1) return 'is compressed in a way that this version does not know';
  return undefined;
}

/** 0 is zlib, 1 is zstd; the field came after version 3's first header of 104 bytes. */
function compressionOf(head: Buffer): number {
  const hasField = head.readUInt32BE(4) === 3 && head.readUInt32BE(100) > 104 && head.length > 104;
  return hasField ? head.readUInt8(104) : 0;
}

function extensionProblem(head: Buffer): string | undefined {
  const version = head.readUInt32BE(4);
  let at = version === 2 ? 72 : head.readUInt32BE(100);
  if (version === 3 && (at < 104 || at > 4096)) return 'has a damaged header';
  while (at + 8 <= head.length) {
    const type = head.readUInt32BE(at);
    if (type === EXTENSIONS.end) return undefined;
    if (type === EXTENSIONS.externalData) return 'names an external data file';
    if (type === EXTENSIONS.encryption) return 'is encrypted';
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
  }
  return 'has a damaged header';
}
