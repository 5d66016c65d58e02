import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

const HEADER = 110;
const FIELD = 8;
const aligned = (offset: number) => Math.ceil(offset / 4) * 4;

/**
 * What an initramfs holds, one line a name, without times and inode numbers.
 * @param content a cpio archive packed by gzip; format "newc" of cpio(5)
 */
export function initrdEntries(content: Buffer): string {
  const archive = gunzipSync(content);
  const lines: string[] = [];
  for (let offset = 0; archive.toString('latin1', offset, offset + 6) === '070701'; ) {
    const field = (index: number) => {
      const start = offset + 6 + index * FIELD;
      return Number.parseInt(archive.toString('latin1', start, start + FIELD), 16);
    };
    const [mode, uid, gid, size, length] = [field(1), field(2), field(3), field(6), field(11)];
    const name = archive.toString('utf8', offset + HEADER, offset + HEADER + length - 1);
    const data = aligned(offset + HEADER + length);
    const hash = createHash('sha256').update(archive.subarray(data, data + size));
    lines.push(`${name} ${mode.toString(8)} ${uid}:${gid} ${size} ${hash.digest('hex')}`);
    offset = aligned(data + size);
  }
  return lines.sort().join('\n');
}
