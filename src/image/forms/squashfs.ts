import { streamed } from '../../host/stream.ts';
import type { Converter, TreeReader } from './types.ts';

/** Times later than SOURCE_DATE_EPOCH become it, as in the disk. */
export const squashfsConverter: Converter = {
  files: ['squashfs'],
  share: 0.6,
  argv: ({ tree, file, foreign }) => [
    ...['mksquashfs', tree, file('squashfs'), '-noappend', '-no-progress', '-quiet', '-reproducible'],
    ...['-comp', 'zstd', '-Xcompression-level', '9', '-xattrs', '-no-exports', '-wildcards'],
    ...foreign.flatMap(path => ['-e', `${path.slice(1)}/*`]),
  ],
};

export const squashfsReader: TreeReader = {
  tools: [{ needs: 'sqfs2tar', package: 'squashfs-tools-ng' }],
  archive: (context, path) => streamed(context, ['sqfs2tar', '--root-becomes', '.', '--', path]),
};
