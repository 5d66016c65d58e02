import { open } from 'node:fs/promises';

/** Bytes that are read, and written, at once. */
export const CHUNK = 1024 * 1024;

/** A file from its first byte to its last, in pieces of CHUNK bytes but for the last one. */
export async function* readFilePieces(path: string): AsyncGenerator<Buffer, void, undefined> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** The same bytes in pieces of CHUNK bytes but for the last one. */
export async function* inPieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let kept: Buffer[] = [];
  let length = 0;
  for await (const some of source) {
    kept.push(some);
    length += some.length;
    if (length < CHUNK) continue;
    const all = Buffer.concat(kept);
    const whole = all.length - (all.length % CHUNK);
    for (let at = 0; at < whole; at += CHUNK) yield all.subarray(at, at + CHUNK);
    kept = [all.subarray(whole)];
    length = all.length - whole;
  }
  if (length > 0) yield Buffer.concat(kept);
}

const ZEROS = Buffer.alloc(CHUNK);

/** @param piece of CHUNK bytes at most */
export function isZero(piece: Buffer): boolean {
  return piece.equals(ZEROS.subarray(0, piece.length));
}
