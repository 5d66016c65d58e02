/** Orders build versions such as `20261121.2` and `20261121.10`: negative when a is older than b. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = comparePart(left[index], right[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(b === undefined) - Number(a === undefined);
  if (isNumber(a) && isNumber(b)) return compare(BigInt(a), BigInt(b));
  // A number is older than a word, so that the order stays total.
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
  return compare(a, b);
}

function isNumber(part: string): boolean {
  return /^\d+$/.test(part);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
