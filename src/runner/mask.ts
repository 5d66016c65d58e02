import { clean } from '../host/log.ts';

/** Replaces known secrets in whatever is about to be written. */
export interface Mask {
  /** Registers a value, its lines and its usual encodings. @returns the texts that were new, for the platform's own mask */
  add(value: string): readonly string[];
  /** The text without any secret; a longer secret wins over one inside it. */
  apply(text: string): string;
}

export const REPLACEMENT = '***';

export function createMask(): Mask {
  let secrets: string[] = [];
  return {
    add(value) {
      const added = forms(value).filter(form => !secrets.includes(form));
      secrets = [...secrets, ...added].sort((a, b) => b.length - a.length);
      return added;
    },
    apply: text => secrets.reduce((masked, secret) => masked.replaceAll(secret, REPLACEMENT), text),
  };
}

/** A secret travels whole, line by line (an armored key), cleaned, quoted in JSON or in a URL, and in base64. */
function forms(value: string): string[] {
  const whole = value.trim();
  if (whole === '') return [];
  const lines = whole.split(/\r?\n/).map(line => line.trim());
  const telling =
    lines.length === 1 ? lines : lines.filter(line => line.length >= 5 && !line.startsWith('-----'));
  const encoded = [
    JSON.stringify(whole).slice(1, -1),
    encodeURIComponent(whole),
    Buffer.from(whole).toString('base64'),
    clean(whole),
  ];
  return [...new Set([whole, ...telling, ...encoded])].filter(form => form !== '');
}
