import type { Usage } from './meter.ts';

/** One measured build. */
export interface Run {
  readonly contestant: string;
  /** 0: the round that fills the caches and is not counted. */
  readonly round: number;
  readonly usage: Usage;
  /** Size of the qcow2, bytes. */
  readonly size: number;
  /** Room on disk of the results and of what is kept for the next run, bytes. */
  readonly disk: number;
  /** Name of a step and its seconds, where the build tells them. */
  readonly steps: readonly { readonly what: string; readonly seconds: number }[];
}

const MIB = 1024 * 1024;

/** Columns of the table: a title, and what of a run stands below it. */
const COLUMNS: readonly [string, (run: Run) => number, number][] = [
  ['wall s', run => run.usage.wall, 1],
  ['user s', run => run.usage.user, 1],
  ['system s', run => run.usage.system, 1],
  ['rest s', run => run.usage.rest, 1],
  ['processes MiB', run => run.usage.memory.processes / MIB, 0],
  ['tmpfs MiB', run => run.usage.memory.files / MIB, 0],
  ['peak MiB', run => run.usage.memory.together / MIB, 0],
  ['qcow2 MB', run => run.size / 1e6, 0],
  ['disk MB', run => run.disk / 1e6, 0],
];

/** Medians of each contestant over the counted rounds, as a Markdown table. */
export function mediansTable(runs: readonly Run[]): string {
  const rows = contestants(runs).map(name => {
    const own = counted(runs, name);
    return [name, ...COLUMNS.map(([, of, digits]) => median(own.map(of)).toFixed(digits))];
  });
  return table([['median of each', ...COLUMNS.map(([title]) => title)], ...rows]);
}

/** What two runs are compared by. */
const MEASURES: readonly [string, (usage: Usage) => number][] = [
  ['wall time', usage => usage.wall],
  ['CPU time', usage => usage.user + usage.system],
];

/**
 * The first contestant over each other, in the same round, as Markdown tables: what disturbs a round disturbs
 * both. CPU time is the steadier one on a machine that others use too.
 */
export function ratiosTable(runs: readonly Run[]): string {
  return MEASURES.map(([title, of]) => ratiosOf(runs, title, of)).join('\n\n');
}

function ratiosOf(runs: readonly Run[], title: string, of: (usage: Usage) => number): string {
  const [first = '', ...others] = contestants(runs);
  return pairsTable(
    runs,
    title,
    others.map(name => [first, name]),
    run => of(run.usage),
  );
}

/** Each other contestant over the one that is named, in the same round: wall time, and size of the qcow2. */
export function sharesTable(runs: readonly Run[], base: string): string {
  const pairs = contestants(runs)
    .filter(name => name !== base)
    .map(name => [name, base] as const);
  return [
    pairsTable(runs, 'wall time', pairs, run => run.usage.wall),
    pairsTable(runs, 'size', pairs, run => run.size),
  ].join('\n\n');
}

function pairsTable(
  runs: readonly Run[],
  title: string,
  pairs: readonly (readonly [string, string])[],
  of: (run: Run) => number,
): string {
  const rounds = [...new Set(runs.map(run => run.round))].filter(round => round > 0);
  const value = (name: string, round: number) => {
    const found = runs.find(run => run.contestant === name && run.round === round);
    return found === undefined ? Number.NaN : of(found);
  };
  const rows = pairs.map(([one, other]) => {
    const ratios = rounds.map(round => value(one, round) / value(other, round));
    return [`${one} / ${other}`, ...[...ratios, median(ratios)].map(ratio => ratio.toFixed(2))];
  });
  return table([[title, ...rounds.map(round => `round ${round}`), 'median'], ...rows]);
}

/** Median seconds of each step that a contestant tells of, as a Markdown table. */
export function stepsTable(runs: readonly Run[], name: string): string {
  const own = counted(runs, name);
  const rows = (own[0]?.steps ?? []).map(({ what }) => {
    const seconds = own.flatMap(run =>
      run.steps.filter(step => step.what === what).map(step => step.seconds),
    );
    return [what, median(seconds).toFixed(2)];
  });
  return table([[`step of ${name}`, 'median s'], ...rows]);
}

/** The middle value; of an even count, the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

function contestants(runs: readonly Run[]): string[] {
  return [...new Set(runs.map(run => run.contestant))];
}

function counted(runs: readonly Run[], name: string): Run[] {
  return runs.filter(run => run.contestant === name && run.round > 0);
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const width = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(width[at] ?? 0) : cell.padStart(width[at] ?? 0))).join(' | ')} |`;
  const rule = `|${width.map((size, at) => (at === 0 ? '-'.repeat(size + 2) : `${'-'.repeat(size + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
