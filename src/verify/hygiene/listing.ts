import { CheckError } from '../../host/errors.ts';
import type { Entry, EntryType } from '../../image/read/filesystem.ts';
import { decodeName } from '../../image/read/names.ts';

/** Filesystems with rights, of disks and of memory; what the kernel makes up is nobody's file. */
const KINDS = 'ext2,ext3,ext4,xfs,tmpfs';

/** What find(1) tells of each name, each part ended by a zero byte. */
const PARTS = ['%y', '%m', '%U', '%G', '%s', '%n', '%C@', '%l', '%p'];

const TYPES: Readonly<Record<string, EntryType>> = {
  ...{ f: 'file', d: 'directory', l: 'symlink', c: 'character', b: 'block', p: 'fifo', s: 'socket' },
};

/** One name in a running guest. */
export interface Listed
  extends Pick<Entry, 'path' | 'type' | 'mode' | 'uid' | 'gid' | 'size' | 'links' | 'target'> {
  /** When it was last written, renamed, or given other rights; seconds since 1970 by the guest's clock. */
  readonly changed: number;
}

/**
 * A shell command that lists all that stands on the guest's filesystems, in base64.
 * @param roots a command that writes where they are mounted, one a line
 */
export function listing(roots = `findmnt -rno TARGET -t ${KINDS}`): string {
  const format = PARTS.map(part => `${part}\\0`).join('');
  return `find $(${roots} | sort -u) -xdev -ignore_readdir_race -printf '${format}' | base64 -w 0`;
}

/** @throws CheckError for what is no such list */
export function readListing(text: string): Listed[] {
  const bytes = Buffer.from(text, 'base64');
  const fields: Buffer[] = [];
  for (let at = 0, end = bytes.indexOf(0); end >= 0; at = end + 1, end = bytes.indexOf(0, at)) {
    fields.push(bytes.subarray(at, end));
  }
  if (fields.length === 0 || fields.length % PARTS.length !== 0) {
    throw new CheckError('the guest does not list its files', {
      advice: 'it needs find, findmnt and base64',
    });
  }
  return Array.from({ length: fields.length / PARTS.length }, (_, index) =>
    listed(fields.slice(index * PARTS.length, (index + 1) * PARTS.length)),
  );
}

function listed(fields: readonly Buffer[]): Listed {
  const [kind = '', mode = '', ...numbers] = fields.slice(0, 7).map(field => field.toString('latin1'));
  const [uid = NaN, gid = NaN, size = NaN, links = NaN, changed = NaN] = numbers.map(Number);
  const [target = '', path = ''] = fields.slice(7).map(decodeName);
  const type = TYPES[kind];
  const wrong = [uid, gid, size, links, changed].some(Number.isNaN) || !path.startsWith('/');
  if (type === undefined || wrong)
    throw new CheckError('the guest lists its files in a way that is not known');
  const owner = { uid, gid, size, links, changed };
  return {
    ...{ path, type, mode: Number.parseInt(mode, 8), ...owner },
    ...(type === 'symlink' && { target }),
  };
}
