import { readTar, type TarEntry } from '../../image/read/tar.ts';
import { ruleFor } from '../../image/seal.ts';
import { asRoot } from '../facts.ts';
import type { GuestUnderTest } from '../types.ts';
import type { Listed } from './listing.ts';

const MIB = 1024 ** 2;
/** A text of a server's configuration is smaller. */
const MOST_OF_ONE = 4 * MIB;
const MOST_OF_ALL = 64 * MIB;
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
 * Fetches files of a running guest, those left out that are too large for any configuration, and those whose content
 * is the instance's own: logs, host keys, leases.
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
    MOST_OF_ONE,
  )) {
    if (content?.bytes !== undefined) written.set(path, { bytes: content.bytes, attributes });
  }
  return written;
}

function choose(files: readonly Listed[]): Listed[] {
  let room = MOST_OF_ALL;
  return files.filter(({ path, type, size }) => {
    if (type !== 'file' || size > MOST_OF_ONE || size > room || isOwn(path)) return false;
    room -= size;
    return true;
  });
}

/** Whether what stands there is each instance's own. */
function isOwn(path: string): boolean {
  const wanted = ruleFor(path.slice(1))?.wanted;
  return wanted === 'absent' || wanted === 'empty';
}
