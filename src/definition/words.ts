import { distance } from 'fastest-levenshtein';

/** The nearest valid word, when one is so near that a slip of the fingers explains it. */
export function closest(word: string, words: Iterable<string>): string | undefined {
  const written = word.toLowerCase();
  let best: string | undefined;
  // A third of the letters may be wrong; in a word of two, such as a release, one is another word.
  let nearest = Math.floor(word.length / 3) + 1;
  for (const candidate of words) {
    const far = distance(written, candidate.toLowerCase());
    if (far < nearest) [best, nearest] = [candidate, far];
  }
  return best;
}

/** `a, b or c`, for messages. */
export function alternatives(words: Iterable<string>): string {
  const all = [...words];
  const last = all.pop();
  if (last === undefined) return 'nothing';
  return all.length === 0 ? last : `${all.join(', ')} or ${last}`;
}
