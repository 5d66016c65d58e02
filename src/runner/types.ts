import type { Log } from '../host/log.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What our text goes to; a Node stream fits. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a platform needs of the world. */
export interface RunnerWorld {
  readonly env: Environment;
  /** Log lines and workflow commands. */
  readonly out: Sink;
  now(): Date;
  random(bytes: number): Buffer;
  /** Name of this host and id of this process: the job's name where there is no CI. */
  readonly host: string;
  readonly pid: number;
  /** Show what is only for the curious. */
  readonly verbose: boolean;
}

/** The place a command runs in: GitHub Actions, GitLab CI or a terminal. One file each. */
export interface Runner {
  readonly kind: 'github' | 'gitlab' | 'terminal';
  readonly log: Log;
  /** Link to the CI job, or `host:PID`. */
  readonly job: string;
  /** Hands named results to the steps that follow. Names are kebab-case. */
  outputs(values: Readonly<Record<string, string>>): void;
  /** Adds Markdown to the job's page. */
  summary(markdown: string): void;
  /** The last word about a failure: one line, causes below. */
  failure(line: string, causes: readonly string[]): void;
  /** Called once before the process ends; finishes a half-drawn line. */
  close(): void;
}
