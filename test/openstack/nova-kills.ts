import { setTimeout as delay } from 'node:timers/promises';
import { start } from '../end-to-end/program.ts';
import type { Bed } from './bed.ts';
import { count } from './holdings.ts';

/** Milliseconds after the run has said its name, in which all that it makes comes about on a quiet machine. */
const SPAN = 20_000;

/**
 * Starts verifications, each of which removes what the one before left, and kills them at random moments.
 * @param next gives numbers from 0 to 1
 * @returns how many things the kills left in the project, counted before the next one began
 */
export async function killVerifications(bed: Bed, kills: number, next: () => number): Promise<number> {
  const before = count(await bed.holds());
  let left = 0;
  for (let kill = 0; kill < kills; kill++) {
    const program = start(bed.verify(), bed.env);
    await program.says(/image-factory-\d{8}T.*: flavor/);
    await delay(next() * SPAN);
    process.kill(-(program.child.pid ?? 0), 'SIGKILL');
    await program.ended;
    left += count(await bed.holds()) - before;
  }
  return left;
}
