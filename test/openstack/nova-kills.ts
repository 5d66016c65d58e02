import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { journalFolder } from '../../src/openstack/runs/journal.ts';
import { type Running, start } from '../end-to-end/program.ts';
import type { Bed } from './bed.ts';

/** When a verification is killed. */
export interface Moment {
  /** Checks that it is asked for; none: all. */
  readonly only: readonly string[];
  /** Things that it has written down that it makes; undefined: it may still be removing what the one before left. */
  readonly intended: number | undefined;
  /** Milliseconds from then, or from its start. */
  readonly wait: number;
}

/** What a verification with all checks makes: image, key, group, port, floating IP, two servers. */
export const THINGS = 7;
/** What was asked for before a kill comes about after it. Milliseconds. */
const SETTLE = 2000;
const LOOK = 50;
const NAME = /(image-factory-\d{8}T\d{6}Z-[0-9a-f]{8}): flavor/;

/** @param next gives numbers from 0 to 1 */
export function randomMoment(next: () => number): Moment {
  const only = next() < 0.5 ? [] : ['running'];
  const most = THINGS - only.length;
  if (next() < 0.15) return { only, intended: undefined, wait: next() * 15_000 };
  // One in five long after all was asked for: while the guests boot, are looked at, or are removed.
  const late = next() < 0.2;
  return {
    only,
    intended: late ? most : Math.floor(next() * (most + 1)),
    wait: next() * (late ? 60_000 : 3000),
  };
}

/** How a verification ended, and the ids of what it left. */
export interface Killed {
  readonly at: Moment;
  /** False: it had ended before. */
  readonly killed: boolean;
  readonly left: readonly string[];
}

/**
 * Starts a verification and kills it at that moment; when it says its name, nothing may be there of what was left.
 * @param before ids of what was in the project before the first one
 * @param left by those before it
 */
export async function killOne(
  bed: Bed,
  at: Moment,
  before: ReadonlySet<string>,
  left: readonly string[] = [],
): Promise<Killed> {
  const only = at.only.flatMap(check => ['--only', check]);
  const program = start(bed.verify(...only), bed.env);
  const reached = reach(program, bed, at, left).then(() => true);
  const killed = await Promise.race([reached, program.ended.then(() => false)]).finally(() => {
    if (!program.isOver()) process.kill(-(program.child.pid ?? 0), 'SIGKILL');
  });
  const { status, output } = await program.ended;
  if (!killed) expect(status, output).toBe(0);
  await delay(SETTLE);
  return { at, killed, left: (await idsOf(bed)).filter(id => !before.has(id)) };
}

async function reach(program: Running, bed: Bed, at: Moment, left: readonly string[]): Promise<void> {
  if (at.intended !== undefined) {
    await program.says(NAME);
    const held = new Set(await idsOf(bed));
    expect(left.filter(id => held.has(id))).toEqual([]);
    const name = NAME.exec(program.output())?.[1] ?? '';
    const journal = join(journalFolder(join(bed.env.XDG_STATE_HOME ?? '', 'image-factory')), `${name}.jsonl`);
    while (!program.isOver() && (await intendedIn(journal)) < at.intended) await delay(LOOK);
  }
  await delay(at.wait);
}

async function intendedIn(journal: string): Promise<number> {
  const text = await readFile(journal, 'utf8').catch(() => '');
  return text.split('\n').filter(line => line.startsWith('{"make":')).length;
}

/** Ids of all that is in a project, of whatever kind. */
export async function idsOf(bed: Bed): Promise<string[]> {
  return Object.values(await bed.holds()).flat();
}

/**
 * Kills so many verifications one after another at random moments.
 * @param next gives numbers from 0 to 1
 * @returns how each ended that was killed
 */
export async function killVerifications(bed: Bed, kills: number, next: () => number): Promise<Killed[]> {
  const before = new Set(await idsOf(bed));
  const all: Killed[] = [];
  let left: readonly string[] = [];
  while (all.length < kills) {
    const each = await killOne(bed, randomMoment(next), before, left);
    left = each.left;
    if (each.killed) all.push(each);
    console.log(`${bed.project}, ${told(all.length, each)}`);
  }
  return all;
}

function told(number: number, { at, killed, left }: Killed): string {
  const when = at.intended === undefined ? 'its start' : `${at.intended} things`;
  const how = killed ? `killed ${(at.wait / 1000).toFixed(1)} s after ${when}` : 'ended by itself';
  return `${number}: of ${at.only.join(', ') || 'all checks'}, ${how}: ${left.length} left`;
}
