import { open } from 'node:fs/promises';
import { DefinitionError } from '../../host/errors.ts';
import type { BodySource } from '../http.ts';

/** Large enough for the disk's and the network's full rate; a stall is noticed piece by piece. */
const PIECE = 512 * 1024;

/**
 * The bytes of a file, from its start each time, one piece ahead of the network. Memory does not grow with it: two
 * pieces take turns, so that who takes one must be done with it when he asks for the next, as undici is, which waits
 * until the connection has taken all.
 * @param size what it must have, neither more nor less
 * @param onSent called with the number of bytes that the connection has taken so far
 */
export function fileBody(file: string, size: number, onSent: (done: number) => void): BodySource {
  return async function* body() {
    const handle = await open(file, 'r');
    try {
      const most = Math.min(PIECE, size);
      let [idle, busy] = [Buffer.allocUnsafeSlow(most), Buffer.allocUnsafeSlow(most)];
      const read = async (from: number) => {
        const piece = idle;
        [idle, busy] = [busy, idle];
        const { bytesRead } = await handle.read(piece, 0, Math.min(most, size - from), from);
        return piece.subarray(0, bytesRead);
      };
      if ((await handle.stat()).size !== size) throw changed(file);
      let next = read(0);
      for (let done = 0; done < size; ) {
        const piece = await next;
        if (piece.length === 0) throw changed(file);
        done += piece.length;
        next = done < size ? read(done) : next;
        // Awaited in the next round; if the connection breaks before, a failed read must not end the process.
        next.catch(() => {});
        yield piece;
        onSent(done);
      }
    } finally {
      await handle.close();
    }
  };
}

function changed(file: string): DefinitionError {
  return new DefinitionError(`${file} is not the file that was to be uploaded: its size changed`, {
    advice: 'let nothing write to it, then run again',
  });
}
