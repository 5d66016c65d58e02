import type { Facts, Tree } from './tree.ts';

/** Why two builds of the same elements may differ at all. */
export type Reason = 'time' | 'random' | 'sealed' | 'an element of ours';

/** What differs: one side lacks the path, or one of the facts. */
export type Kind = 'only ours' | 'only theirs' | keyof Facts;

export interface Difference {
  readonly path: string;
  readonly kind: Kind;
  readonly ours: string;
  readonly theirs: string;
}

/** A difference that is meant to be. A rule that explains nothing is a mistake: it could hide a defect one day. */
export interface Rule {
  /** What it is about, for a reader. */
  readonly name: string;
  /** Whole paths. */
  readonly paths: RegExp | ((path: string) => boolean);
  readonly kinds: readonly Kind[];
  readonly reason: Reason;
  readonly why: string;
  /** For contents: what is left of each side when the reason is taken out has to be the same. */
  readonly without?: (content: Buffer, path: string) => string;
}

export interface Judgement {
  /** Each is a defect. */
  readonly unexplained: readonly Difference[];
  readonly unused: readonly Rule[];
  readonly explained: ReadonlyMap<Rule, readonly Difference[]>;
}

type Side = Pick<Tree, 'facts' | 'content'>;

/** All differences, in the order of the paths. */
export function differencesOf(ours: Pick<Tree, 'facts'>, theirs: Pick<Tree, 'facts'>): Difference[] {
  const paths = [...new Set([...ours.facts.keys(), ...theirs.facts.keys()])].sort();
  return paths.flatMap(path => atPath(path, ours.facts.get(path), theirs.facts.get(path)));
}

function atPath(path: string, ours: Facts | undefined, theirs: Facts | undefined): Difference[] {
  if (ours === undefined) return [{ path, kind: 'only theirs', ours: 'none', theirs: theirs?.type ?? '' }];
  if (theirs === undefined) return [{ path, kind: 'only ours', ours: ours.type, theirs: 'none' }];
  const kinds = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])] as (keyof Facts)[];
  return kinds
    .map(kind => ({ path, kind, ours: ours[kind] ?? 'none', theirs: theirs[kind] ?? 'none' }))
    .filter(each => each.ours !== each.theirs);
}

/** Finds the first rule for each difference, and what no rule explains. */
export async function judge(ours: Side, theirs: Side, rules: readonly Rule[]): Promise<Judgement> {
  const explained = new Map<Rule, Difference[]>(rules.map(rule => [rule, []]));
  const unexplained: Difference[] = [];
  for (const difference of differencesOf(ours, theirs)) {
    const rule = await ruleFor(difference, rules, ours, theirs);
    if (rule === undefined) unexplained.push(difference);
    else explained.get(rule)?.push(difference);
  }
  return { unexplained, explained, unused: rules.filter(rule => explained.get(rule)?.length === 0) };
}

async function ruleFor(
  { path, kind }: Difference,
  rules: readonly Rule[],
  ours: Side,
  theirs: Side,
): Promise<Rule | undefined> {
  for (const rule of rules) {
    if (!rule.kinds.includes(kind) || !names(rule, path)) continue;
    if (kind !== 'sha256' || rule.without === undefined) return rule;
    const [left, right] = await Promise.all([ours.content(path), theirs.content(path)]);
    if (rule.without(left, path) === rule.without(right, path)) return rule;
  }
  return undefined;
}

function names({ paths }: Rule, path: string): boolean {
  return paths instanceof RegExp ? paths.exec(path)?.[0] === path : paths(path);
}

/** One line for a reader. */
export function tell({ path, kind, ours, theirs }: Difference): string {
  return kind.startsWith('only') ? `${path}: ${kind}` : `${path}: ${kind} ${ours}, there ${theirs}`;
}
