import { ruleFor } from '../../src/image/seal.ts';
import type { Rule } from './compare.ts';

/** The differences that are meant to be, between disk-image-create's tree and ours. Times of files are not compared. */
export const RULES: readonly Rule[] = [
  {
    name: 'what the seal list names',
    paths: path => ruleFor(path.slice(1)) !== undefined,
    kinds: ['only theirs', 'sha256'],
    reason: 'sealed',
    why: 'removed or emptied before packing: see src/image/seal.ts',
  },
];
