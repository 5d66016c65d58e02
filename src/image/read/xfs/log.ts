import type { Volume } from './volume.ts';

const CHUNK = 1024 * 1024;
const SECTOR = 512;
const RECORD_MAGIC = 0xfeedbabe;
const UNMOUNT = 0x20;
/** A record's header and its one operation. */
const RECORD = 2 * SECTOR;

/**
 * What a kernel would replay when it mounts is not what we read. So the log must be as mkfs leaves it: one record, which
 * tells of a clean unmount, and zeros.
 * @throws CheckError when there is more in it
 */
export async function requireCleanLog(volume: Volume): Promise<void> {
  const { log, blockSize } = volume.superblock;
  const start = volume.block(log.start);
  const size = log.blocks * blockSize;
  if (size < RECORD || !volume.holds(start, log.blocks)) throw volume.damaged('its log is beyond its end');
  for (let at = 0; at < size; at += CHUNK) {
    const piece = await volume.read(start, at, Math.min(CHUNK, size - at));
    const rest = at === 0 ? piece.subarray(RECORD) : piece;
    const isClean = at > 0 || isUnmount(piece);
    if (!isClean || !isZero(rest)) {
      throw volume.damaged('its log is not as mkfs leaves it: a kernel would replay it when it mounts');
    }
  }
}

function isUnmount(record: Buffer): boolean {
  const operations = record.readUInt32BE(40);
  return (
    record.readUInt32BE(0) === RECORD_MAGIC && operations === 1 && record.readUInt8(SECTOR + 9) === UNMOUNT
  );
}

function isZero(piece: Buffer): boolean {
  return piece.length === 0 || (piece[0] === 0 && piece.compare(piece, 0, piece.length - 1, 1) === 0);
}
