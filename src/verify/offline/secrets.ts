/** What gives access to something and has a shape of its own. */
export interface SecretPattern {
  /** `an AWS access key`: read by a person after "it holds". */
  readonly kind: string;
  readonly pattern: RegExp;
}

const SHAPES: readonly SecretPattern[] = [
  { kind: 'a private key', pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s+\S/ },
  { kind: 'an AWS access key', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { kind: 'a GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})/ },
  { kind: 'a GitLab token', pattern: /\bgl(?:pat|ptt|rt|cbt|dt)-[A-Za-z0-9_-]{20}/ },
  { kind: 'an npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { kind: 'a Slack token', pattern: /\bxox[abprs]-[0-9]{8,}-[0-9A-Za-z-]{10}/ },
  { kind: 'a Google API key', pattern: /\bAIza[0-9A-Za-z_-]{35}\b/ },
  { kind: 'a JSON web token', pattern: /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16}/ },
  {
    kind: 'an address with a password',
    pattern: /\b[a-z][a-z0-9+]{1,15}:\/\/[\w.%-]{1,64}:[^\s/:@"'<>$%{}]{4,128}@[\w[]/,
  },
];

const WORDS =
  'passwo?r?d|passphrase|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key';
const ASSIGNED = new RegExp(
  `(?:${WORDS})[\\w-]{0,20}["']?\\s{0,3}[=:]\\s{0,3}["']?([A-Za-z0-9+/_=.~-]{20,200})(?=["'\\s,;]|$)`,
  'gi',
);

/** Bits a character: what a person types has fewer, what a machine made has more. */
const RANDOM = 3.7;

/** The kinds of secrets in a text. */
export function findSecrets(text: string): string[] {
  const kinds = SHAPES.filter(({ pattern }) => pattern.test(text)).map(({ kind }) => kind);
  const assigned = [...text.matchAll(ASSIGNED)].some(([, value = '']) => looksRandom(value));
  return assigned ? [...kinds, 'a value that looks random under the name of a secret'] : kinds;
}

function looksRandom(value: string): boolean {
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/].filter(each => each.test(value)).length;
  const hex = /^[0-9a-f]{32,}$/i.test(value);
  return (hex || classes === 3) && entropy(value) >= (hex ? 3 : RANDOM);
}

/** Shannon's, bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const each of text) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts.values()].reduce(
    (sum, count) => sum - (count / text.length) * Math.log2(count / text.length),
    0,
  );
}
