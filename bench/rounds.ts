import { appendFileSync, mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Context } from '../src/host/context.ts';
import { DefinitionError, HostError } from '../src/host/errors.ts';
import { run } from '../src/host/process.ts';
import { requireTools } from '../src/host/tools.ts';
import type { Contestant } from './contestant.ts';
import { BENCH_TOOLS } from './contestants.ts';
import type { Run } from './figures.ts';
import { measure } from './meter.ts';

/** Commands side by side, in turn, round by round. */
export interface Options {
  /** Counted rounds, after one that fills the caches. */
  readonly rounds: number;
  readonly work: string;
  /** Of the contestants, those that run; absent: all. */
  readonly only?: readonly string[];
}

/**
 * @param program its name, for advice
 * @returns undefined when help was asked for
 */
export function readOptions(program: string, argv: string[]): Options | undefined {
  const { values } = parse(program, argv);
  if (values.help) return undefined;
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new DefinitionError(`--rounds ${values.rounds} is no number of rounds`, { advice: '1 or more' });
  }
  const { only } = values;
  return { rounds, work: resolve(values.work), ...(only === undefined ? {} : { only }) };
}

function parse(program: string, argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        rounds: { type: 'string', default: '3' },
        work: { type: 'string', default: '/var/tmp/image-factory-bench' },
        only: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (cause) {
    throw new DefinitionError((cause as Error).message, { advice: `${program} --help`, cause });
  }
}

/** What a bench needs of the host. */
export async function prepareHost(context: Context, work: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new HostError('the bench mounts and uses loop devices', { advice: 'run it as root' });
  }
  await mkdir(join(work, 'logs'), { recursive: true });
  await requireTools(context, BENCH_TOOLS, { install: true, root: async () => [] });
}

/** Runs all of them in every round. @param results file that all runs are written to, as JSON */
export async function compete(
  context: Context,
  { rounds, work, only }: Options,
  contestants: readonly Contestant[],
  results: string,
): Promise<Run[]> {
  process.stdout.write(`${await machineFacts()}\n`);
  const runs: Run[] = [];
  const chosen = contestants.filter(({ name }) => only?.includes(name) ?? true);
  for (let round = 0; round <= rounds; round++) {
    for (const contestant of chosen) {
      const made = await once(context, work, contestant, round);
      runs.push(made);
      await writeFile(join(work, results), `${JSON.stringify(runs, undefined, 2)}\n`);
      const { wall, rest } = made.usage;
      context.log.info(
        `round ${round}: ${contestant.name} ${wall.toFixed(1)} s (rest of the machine ${rest.toFixed(1)} s)`,
      );
    }
  }
  return runs;
}

async function once(context: Context, work: string, contestant: Contestant, round: number): Promise<Run> {
  const out = mkdtempSync(join(work, 'run-'));
  const log = join(work, 'logs', `${round}-${contestant.name.replace(/\W+/g, '-')}.log`);
  await rm(log, { force: true });
  try {
    await contestant.prepare?.(round);
    // What the one before wrote must not be this one's to wait for.
    await run(['sync']);
    const { argv, env } = contestant.command(out);
    const onLine = (line: string) => appendFileSync(log, `${line}\n`);
    const name = `image-factory-bench-${process.pid}`;
    const { usage, result } = await measure(context, name, argv, { env, cwd: work, onLine });
    const { qcow2, steps } = await contestant.results(out, result);
    const disk = await diskUse([out, ...(contestant.caches ?? [])]);
    const size = qcow2 === undefined ? 0 : (await stat(qcow2)).size;
    return { contestant: contestant.name, round, usage, size, disk, steps };
  } finally {
    await detachLoops(out);
    await rm(out, { recursive: true, force: true });
  }
}

async function diskUse(folders: readonly string[]): Promise<number> {
  const { stdout } = await run(['du', '--summarize', '--total', '--block-size=1', '--', ...folders]);
  return Number(/^(\d+)\ttotal$/m.exec(stdout)?.[1]);
}

/** A killed diskimage-builder leaves its loop device, which holds all its memory. */
async function detachLoops(folder: string): Promise<void> {
  const { stdout } = await run(['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE']);
  for (const line of stdout.split('\n')) {
    const [device = '', file = ''] = line.trim().split(/\s+/);
    if (file.startsWith(`${folder}/`)) await run(['losetup', '--detach', device]);
  }
}

const VERSIONS = ['mmdebstrap', 'e2fsprogs', 'qemu-utils', 'debootstrap', 'python3-diskimage-builder'];

async function machineFacts(): Promise<string> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const told = await run(['dpkg-query', '-W', '-f', '${Package} ${Version}\n', ...VERSIONS]);
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? '';
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  return [
    `${cpus().length} cores (${processor}), ${memory}, ${system}, kernel ${release()}`,
    `tools of the host: ${told.stdout.trim().replaceAll('\n', ', ')}`,
  ].join('\n');
}
