import type { Rule } from './compare.ts';

/** The differences that are meant to be, between disk-image-create's tree and ours. Times of files are not compared. */
export const RULES: readonly Rule[] = [];
