import { readFilePieces } from './pieces.ts';
import type { Converter, TreeReader } from './types.ts';

export const tarConverter: Converter = {
  files: ['tar'],
  share: 1.1,
  argv: ({ tree, file, foreign, epoch }) => [
    ...['tar', '--create', `--file=${file('tar')}`, `--directory=${tree}`, '--sort=name', '--format=pax'],
    // Neither the process nor the moment of reading may show in the headers.
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    ...['--numeric-owner', '--xattrs', '--xattrs-include=*', '--one-file-system'],
    ...[`--mtime=@${epoch}`, '--clamp-mtime', '--anchored'],
    ...foreign.map(path => `--exclude=.${path}/*`),
    '.',
  ],
};

export const tarReader: TreeReader = { archive: (_context, path) => readFilePieces(path) };
