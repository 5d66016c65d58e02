import type { ImageLine } from '../definition/types.ts';
import { sha256 } from './archive/fetch.ts';

/** Raise it when a change of the engine changes the bytes it makes. */
export const ENGINE = 'image-factory/0.1.0+10';

/** All that goes into an image, and nothing that only says how it is verified, who owns it, or where it comes from. */
export interface Inputs {
  readonly engine: string;
  /** Key of the tools tree whose programs shape the bytes. */
  readonly toolsTree: string;
  readonly line: Omit<ImageLine, 'verify' | 'rebuild' | 'owner' | 'title' | 'mirror'> & {
    readonly mirror: string;
  };
  readonly elements: readonly { readonly name: string; readonly digest: string }[];
  /** Versions by name of all packages that the definition and its elements bring. */
  readonly packages: Readonly<Record<string, string>>;
}

export function inputsOf(made: {
  engine: string;
  toolsTree: string;
  line: ImageLine;
  elements: readonly { readonly name: string; readonly digest: string }[];
  packages: Readonly<Record<string, string>>;
}): Inputs {
  const { verify: _verify, rebuild: _rebuild, owner: _owner, title: _title, mirror, ...line } = made.line;
  return {
    engine: made.engine,
    toolsTree: made.toolsTree,
    line: { ...line, mirror: mirror.image ?? '' },
    elements: made.elements.map(({ name, digest }) => ({ name, digest })),
    packages: made.packages,
  };
}

/** SHA-256 in lower-case hex: the same for the same inputs, however they are written down. */
export function inputDigest(inputs: Inputs): string {
  return sha256(canonical(inputs));
}

/** JSON with sorted keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    each !== null && typeof each === 'object' && !Array.isArray(each) && !isSorted(Object.keys(each))
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/** Most tables of packages are, and need no copy. */
function isSorted(keys: readonly string[]): boolean {
  return keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key);
}

/** One reason why an image is not what would be built now. */
export interface Change {
  /** `security` is a package whose new version comes from the security suite. */
  readonly kind: 'engine' | 'definition' | 'element' | 'package' | 'security';
  /** Name of the package, element or setting. */
  readonly what: string;
  /** Absent: it is new. */
  readonly before?: string;
  /** Absent: it is gone. */
  readonly now?: string;
}

/** What differs between two sets of inputs, package by package, element by element, setting by setting. */
export function changesBetween(
  before: Inputs,
  now: Inputs,
  isSecurity: (name: string) => boolean = () => false,
): Change[] {
  const byName = ({ elements }: Inputs) =>
    Object.fromEntries(elements.map(({ name, digest }) => [name, digest.slice(0, 12)]));
  const engine = ({ engine: version, toolsTree }: Inputs) => ({ engine: version, 'tools tree': toolsTree });
  const settings = ({ line }: Inputs) =>
    Object.fromEntries(Object.entries(line).map(([key, value]) => [key, canonical(value)]));
  return [
    ...compare('engine', engine(before), engine(now)),
    ...compare('definition', settings(before), settings(now)),
    ...compare('element', byName(before), byName(now)),
    ...compare('package', before.packages, now.packages).map(change =>
      isSecurity(change.what) && change.now !== undefined ? { ...change, kind: 'security' as const } : change,
    ),
  ];
}

function compare(
  kind: Change['kind'],
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names
    .filter(what => before[what] !== now[what])
    .map(what => ({
      kind,
      what,
      ...(before[what] === undefined ? {} : { before: before[what] }),
      ...(now[what] === undefined ? {} : { now: now[what] }),
    }));
}

/** `libc6 2.36-9 -> 2.36-10`, `vim is new`, `environment changed`: for a person. */
export function describeChange({ kind, what, before, now }: Change): string {
  const plain = kind === 'package' || what === kind;
  const name = plain ? what : kind === 'security' ? `${what} (security)` : `${kind} ${what}`;
  if (before === undefined) return `${name} is new${kind === 'package' ? `: ${now}` : ''}`;
  if (now === undefined) return `${name} is gone`;
  return kind === 'element' ? `${name} changed` : `${name} ${before} -> ${now}`;
}
