const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

const DURATION_UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export const SIZE_PATTERN = /^[0-9]+(KiB|MiB|GiB|TiB)?$/;
export const DURATION_PATTERN = /^[0-9]+[smhd]$/;

/** `512MiB`, `1GiB` or plain bytes, as bytes; undefined when it is no size or is beyond 2^53. */
export function parseSize(text: string): number | undefined {
  return SIZE_PATTERN.test(text) ? measure(text, SIZE_UNITS) : undefined;
}

/** `90s`, `5m`, `12h` or `7d`, as milliseconds; undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  return DURATION_PATTERN.test(text) ? measure(text, DURATION_UNITS) : undefined;
}

function measure(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const digits = /^[0-9]+/.exec(text)?.[0] ?? '';
  const unit = units[text.slice(digits.length)];
  const value = unit === undefined ? Number.NaN : Number(digits) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}
