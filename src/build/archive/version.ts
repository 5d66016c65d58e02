/**
 * Orders two versions as dpkg does (deb-version(7)): epoch, upstream version, revision.
 * @returns negative, zero or positive
 */
export function compareDebianVersions(a: string, b: string): number {
  const [left, right] = [takeApart(a), takeApart(b)];
  return (
    left.epoch - right.epoch ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

/** `>=`, `<<` and so on, as a control file writes them. */
export function satisfies(version: string, operator: string, bound: string): boolean {
  const order = compareDebianVersions(version, bound);
  switch (operator) {
    case '<<':
      return order < 0;
    case '<=':
    case '<':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
    case '>':
      return order >= 0;
    case '>>':
      return order > 0;
    default:
      return false;
  }
}

function takeApart(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Stretches of other characters and of digits take turns, from the left. */
function comparePart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [l, r] = [words(left), words(right)];
    const order = compareText(l.text, r.text) || l.number - r.number;
    if (order !== 0) return order;
    [left, right] = [l.rest, r.rest];
  }
  return 0;
}

function words(part: string): { text: string; number: number; rest: string } {
  const [whole = '', text = '', digits = ''] = /^(\D*)(\d*)/.exec(part) ?? [];
  return { text, number: Number(digits), rest: part.slice(whole.length) };
}

/** `~` sorts before the end, letters before everything else. */
function compareText(a: string, b: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = weight(a[index]) - weight(b[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
