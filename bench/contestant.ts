import type { RunResult } from '../src/host/process.ts';
import type { Run } from './figures.ts';

/** One way to make the image. */
export interface Contestant {
  readonly name: string;
  /** Folders that it keeps from one run to the next. */
  readonly caches?: readonly string[];
  /** What comes before the clock starts. */
  prepare?(round: number): Promise<void>;
  /** A command that leaves its results in the directory out, and its environment. */
  command(out: string): { argv: readonly string[]; env: Readonly<Record<string, string>> };
  /** Reads the results; throws CheckError when they are not what is to be compared. */
  results(out: string, result: RunResult): Promise<{ qcow2?: string; steps: Run['steps'] }>;
}

/** Mounts and processes of a command end with it. */
export const APART = [
  'unshare',
  '--mount',
  '--propagation=private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];
