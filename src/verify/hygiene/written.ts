import { readTar, type TarEntry } from '../../image/read/tar.ts';
import { ruleFor } from '../../image/seal.ts';
import { asRoot } from '../facts.ts';
import type { GuestUnderTest } from '../types.ts';
import type { Listed } from './listing.ts';

/** Bytes that are fetched of a guest; the configuration that a start writes is much smaller. */
const MOST = 64 * 1024 ** 2;
/** Milliseconds. */
const PATIENCE = 120_000;

const ATTRIBUTES = "--xattrs --xattrs-include='security.capability'";
const PACK = `tar -c --format=pax ${ATTRIBUTES} --hard-dereference --no-recursion --ignore-failed-read --null -T - 2> /dev/null | base64 -w 0`;

/** A file that was written since the image was made, as it is in the guest. */
export interface Written {
  readonly bytes: Buffer;
  readonly attributes: TarEntry['attributes'];
}

/**
 * Fetches files of a running guest, the smallest first as far as there is room for them, but for those whose content is the
 * instance's own: logs, host keys, leases.
 * @returns by path
 * @throws CheckError when the guest does not hand them over
 */
export async function fetchWritten(
  { machine }: Pick<GuestUnderTest, 'machine'>,
  files: readonly Listed[],
): Promise<ReadonlyMap<string, Written>> {
  const paths = choose(files).map(({ path }) => path);
  if (paths.length === 0) return new Map();
  const input = Buffer.from(paths.map(path => `${path}\0`).join(''));
  const { stdout } = await machine.ssh(asRoot(PACK), { input, timeout: PATIENCE });
  const written = new Map<string, Written>();
  const source = (async function* () {
    yield Buffer.from(stdout, 'base64');
  })();
  for await (const { path, content, attributes } of readTar(
    source,
    'what tar in the guest hands over',
    MOST,
  )) {
    if (content?.bytes !== undefined) written.set(path, { bytes: content.bytes, attributes });
  }
  return written;
}

function choose(files: readonly Listed[]): Listed[] {
  let room = MOST;
  return files
    .filter(({ path, type }) => type === 'file' && !isOwn(path))
    .sort((one, other) => one.size - other.size)
    .filter(({ size }) => {
      room -= size;
      return room >= 0;
    });
}

/** Whether what stands there is each instance's own. */
function isOwn(path: string): boolean {
  const wanted = ruleFor(path.slice(1))?.wanted;
  return wanted === 'absent' || wanted === 'empty';
}
