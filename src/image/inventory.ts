type Line = Readonly<Record<string, unknown>>;

/**
 * The differences between two inventories, one sentence each, in the order of the paths: what an honest
 * reader of the one would be wrong about.
 * @param told the inventory that came with the image
 * @param actual the one read from the image
 */
export function compareInventories(told: string, actual: string): string[] {
  const [left, right] = [byPath(told), byPath(actual)];
  if (left === undefined || right === undefined) return ['the inventory is not one JSON object a line'];
  const paths = [...new Set([...left.keys(), ...right.keys()])];
  return paths.flatMap(path => differences(path, left.get(path), right.get(path)));
}

function differences(path: string, told: Line | undefined, actual: Line | undefined): string[] {
  if (actual === undefined) return [`${path} is not in the image`];
  if (told === undefined) return [`${path} is in the image only`];
  const keys = [...new Set([...Object.keys(told), ...Object.keys(actual)])];
  return keys
    .map(key => [key, text(told[key]), text(actual[key])] as const)
    .filter(([, before, after]) => before !== after)
    .map(([key, before, after]) => `${path} has ${key} ${after} and not ${before}`);
}

/** The first line, which has no path, stands under a name that no path has. */
function byPath(inventory: string): Map<string, Line> | undefined {
  const lines = inventory.split('\n').filter(line => line !== '');
  try {
    return new Map(lines.map(line => [nameOf(JSON.parse(line) as Line), JSON.parse(line) as Line]));
  } catch {
    return undefined;
  }
}

function nameOf(line: Line): string {
  return typeof line.path === 'string' ? line.path : 'the first line';
}

function text(value: unknown): string {
  return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}
