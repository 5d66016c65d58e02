import { ConnectionError } from '../errors.ts';
import { path, type Service } from '../service.ts';
import { fileBody } from './file-body.ts';

export interface SendFile {
  readonly file: string;
  readonly size: number;
  /** `file` makes it the image's data at once; `stage` leaves it for an import. */
  readonly to: 'file' | 'stage';
  /** Milliseconds without a byte moving after which the connection is given up. */
  readonly stall: number;
  /** Milliseconds from the last byte to the answer. */
  readonly answer: number;
  readonly onSent: (done: number) => void;
}

const LOOK = 1000;

/**
 * Sends a file as the data of an image, once; a refused token is renewed and the file sent again from its start.
 * @throws ConnectionError when the connection breaks or stalls
 */
export async function sendFile(glance: Service, id: string, sending: SendFile): Promise<void> {
  const { file, size, to } = sending;
  const what = `upload ${file} to the image ${id}`;
  const watch = watchFor(glance, what, sending);
  try {
    await glance.order({
      what,
      method: 'PUT',
      path: path`/images/${id}/${to}`,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(size),
        'x-openstack-image-size': String(size),
      },
      body: fileBody(file, size, watch.moved),
      accept: [204],
      retry: 'never',
      patience: { head: 0, body: sending.answer },
      signal: watch.signal,
    });
  } finally {
    watch.end();
  }
}

/** Gives the connection up when nothing moves: a middlebox that forgot it lets it hang for hours. */
function watchFor(glance: Service, what: string, { size, stall, answer, onSent }: SendFile) {
  const { context, label } = glance;
  const stalled = new AbortController();
  let ended = false;
  let last = context.now().getTime();
  let done = 0;
  const look = async () => {
    while (!ended) {
      const patience = done < size ? stall : answer;
      const quiet = context.now().getTime() - last;
      if (quiet >= patience) {
        const cause = new Error(`no byte moved for ${Math.round(quiet / 1000)} s after ${done} of ${size}`);
        stalled.abort(new ConnectionError(what, label, cause));
        return;
      }
      // In short steps: a sleep cannot be taken back, and must not keep the process when the upload has ended.
      await context.sleep(Math.min(LOOK, patience - quiet));
    }
  };
  // Cancelled while it sleeps: the request is cancelled by the same signal and tells.
  look().catch(() => {});
  return {
    signal: AbortSignal.any([context.signal, stalled.signal]),
    moved(position: number) {
      done = position;
      last = context.now().getTime();
      onSent(position);
    },
    end() {
      ended = true;
    },
  };
}
