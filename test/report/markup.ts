const VOID = new Set(['meta', 'br', 'hr', 'img', 'link', '!DOCTYPE', '?xml']);
const TAG = /<(\/?)([!?A-Za-z][A-Za-z0-9-]*)((?:\s+[A-Za-z][A-Za-z-]*(?:="[^"<>]*")?)*)\s*([/?]?)>/g;

/**
 * The names of all tags in order, for comparing two documents.
 * @throws when a tag is not closed in its place or a bare `<` or `>` stands in text
 */
export function skeleton(markup: string): string[] {
  const open: string[] = [];
  const tags: string[] = [];
  const style = /<style>[^<]*<\/style>/;
  const text = markup.replace(style, '').replace(TAG, (_, slash: string, name: string, __, empty: string) => {
    tags.push(`${slash}${name}`);
    if (slash === '/') {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${last}>`);
    } else if (empty === '' && !VOID.has(name)) {
      open.push(name);
    }
    return '';
  });
  if (open.length > 0) throw new Error(`<${open.join('>, <')}> never closed`);
  const stray = /[<>].{0,30}/.exec(text);
  if (stray !== null) throw new Error(`markup out of place: ${stray[0]}`);
  return tags;
}

/** The value with every text in it (names of properties too, where they are free) changed. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  const visit = (each: unknown): unknown => {
    if (typeof each === 'string') return change(each);
    if (Array.isArray(each)) return each.map(visit);
    if (typeof each !== 'object' || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([key, item]) => [key, visit(item)]));
  };
  return visit(value) as T;
}
