const UNITS: Readonly<Record<string, number>> = {
  TiB: 1024 ** 4,
  GiB: 1024 ** 3,
  MiB: 1024 ** 2,
  KiB: 1024,
  ...{ TB: 1000 ** 4, GB: 1000 ** 3, MB: 1000 ** 2, KB: 1000 },
  ...{ T: 1000 ** 4, G: 1000 ** 3, M: 1000 ** 2, K: 1000 },
  B: 1,
  '': 1,
};

/** A size as diskimage-builder writes it, `550MiB` or `1.75TB`, in bytes; NaN when it is none. */
export function blockDeviceSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(digits || Number.NaN) * (UNITS[unit] ?? Number.NaN));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : Number.NaN;
}
