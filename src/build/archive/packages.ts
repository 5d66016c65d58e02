import { satisfies } from './version.ts';

/** A package as an archive's Packages file offers it: what a resolver asks of it, and no more. */
export interface BinaryPackage {
  readonly name: string;
  readonly version: string;
  /** `Pre-Depends` and `Depends`, as the file writes them. */
  readonly depends: string;
  /** `Provides`, as the file writes it. */
  readonly provides: string;
  /** `Essential: yes`, `Protected: yes`, or priority required: there whether asked for or not. */
  readonly required: boolean;
  /** Bytes of its files, installed. */
  readonly installed: number;
  /** Bytes of the package itself. */
  readonly download: number;
  /** SHA-256 of the package itself. */
  readonly sha256: string;
}

/** One of the alternatives of a dependency: `libc6 (>= 2.36)`. */
export interface Relation {
  readonly name: string;
  readonly operator?: string;
  readonly version?: string;
}

/** @param text of a Packages file: paragraphs of `Field: value` lines */
export function* parsePackages(text: string): Generator<BinaryPackage> {
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf('\n\n', from);
    const paragraph = text.slice(from, end < 0 ? undefined : end + 1);
    from = end < 0 ? text.length : end + 2;
    const name = field(paragraph, 'Package');
    const version = field(paragraph, 'Version');
    if (name === '' || version === '') continue;
    const depends = [field(paragraph, 'Pre-Depends'), field(paragraph, 'Depends')];
    yield {
      name,
      version,
      depends: depends.filter(each => each !== '').join(', '),
      provides: field(paragraph, 'Provides'),
      installed: 1024 * size(paragraph, 'Installed-Size'),
      download: size(paragraph, 'Size'),
      sha256: field(paragraph, 'SHA256'),
      required:
        field(paragraph, 'Essential') === 'yes' ||
        field(paragraph, 'Protected') === 'yes' ||
        field(paragraph, 'Priority') === 'required',
    };
  }
}

/** A number of a field; 0 when it is not there. */
function size(paragraph: string, name: string): number {
  return Number(/^\d+/.exec(field(paragraph, name))?.[0] ?? 0);
}

/** A field's value in one line; empty when it is not there. */
function field(paragraph: string, name: string): string {
  const head = `${name}: `;
  const start = paragraph.startsWith(head) ? 0 : paragraph.indexOf(`\n${head}`) + 1;
  if (start === 0 && !paragraph.startsWith(head)) return '';
  const value = start + head.length;
  let end = paragraph.indexOf('\n', value);
  while (end >= 0 && paragraph[end + 1] === ' ') end = paragraph.indexOf('\n', end + 1);
  return paragraph.slice(value, end < 0 ? undefined : end).replaceAll('\n', '');
}

/** `a (>= 1) | b, c:any` as groups of alternatives, every group of which must be met. */
export function parseRelations(text: string): Relation[][] {
  return text
    .split(',')
    .map(group =>
      group
        .split('|')
        .map(relation)
        .filter(each => each !== undefined),
    )
    .filter(group => group.length > 0);
}

function relation(text: string): Relation | undefined {
  const found =
    /^\s*([a-zA-Z0-9][a-zA-Z0-9.+-]*)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|>=|>>|[<>=])\s*([^\s)]+)\s*\))?/.exec(
      text,
    );
  if (!found) return undefined;
  const [, name = '', operator, version] = found;
  return operator === undefined || version === undefined ? { name } : { name, operator, version };
}

/** Whether a package of this version meets the relation. */
export function meets(version: string, { operator, version: bound }: Relation): boolean {
  return operator === undefined || bound === undefined || satisfies(version, operator, bound);
}
