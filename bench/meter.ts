import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, createContext } from '../src/host/context.ts';
import { HostError } from '../src/host/errors.ts';
import { type RunOptions, type RunResult, run } from '../src/host/process.ts';

/** What one command and all its descendants took. */
export interface Usage {
  /** Seconds. */
  readonly wall: number;
  readonly user: number;
  readonly system: number;
  /** Seconds of CPU that the rest of the machine took meanwhile, the kernel's own threads among them. */
  readonly rest: number;
  /** Peaks, bytes. Page cache that the kernel may drop is in none of them. */
  readonly memory: Memory;
}

export interface Memory {
  /** Anonymous memory of the processes. */
  readonly processes: number;
  /** Files in memory: tmpfs and shared memory. */
  readonly files: number;
  /** Both at one moment; not the sum of the two peaks. */
  readonly together: number;
}

/** How often memory is looked at, milliseconds. */
const INTERVAL = 50;

/** The kernel's books on a group of processes, of either version of cgroups. */
interface Books {
  /** Files that a process writes its id to, to be counted from then on. */
  readonly doors: readonly string[];
  memory(): Promise<{ processes: number; files: number }>;
  /** Seconds since the group was made. */
  cpu(): Promise<{ user: number; system: number }>;
  close(): Promise<void>;
}

/**
 * Runs a command to its end, in a control group of its own.
 * @param name unique on this machine
 * @throws HostError when this host gives no control group, and as `run` does
 */
export async function measure(
  context: Context,
  name: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<{ usage: Usage; result: RunResult }> {
  const books = await openBooks(name);
  try {
    const before = await busySeconds();
    const start = context.now().getTime();
    const work = run([...throughDoors(books.doors), ...argv], { ...options, signal: context.signal });
    const memory = await watchMemory(context, books, work);
    const result = await work;
    const wall = (context.now().getTime() - start) / 1000;
    const cpu = await books.cpu();
    const rest = Math.max(0, (await busySeconds()) - before - cpu.user - cpu.system);
    return { usage: { wall, ...cpu, rest, memory }, result };
  } finally {
    await books.close();
  }
}

/** Words before a command: it enters the group before it becomes itself. */
function throughDoors(doors: readonly string[]): string[] {
  return [
    'sh',
    '-c',
    'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"',
    'enter',
    ...doors,
    '--',
  ];
}

async function watchMemory(context: Context, books: Books, work: Promise<unknown>): Promise<Memory> {
  let peak: Memory = { processes: 0, files: 0, together: 0 };
  let over = false;
  const end = () => {
    over = true;
  };
  const ended = work.then(end, end);
  while (!over) {
    const { processes, files } = await books.memory();
    peak = {
      processes: Math.max(peak.processes, processes),
      files: Math.max(peak.files, files),
      together: Math.max(peak.together, processes + files),
    };
    await Promise.race([ended, context.sleep(INTERVAL)]);
  }
  return peak;
}

async function openBooks(name: string): Promise<Books> {
  const root = '/sys/fs/cgroup';
  try {
    if (existsSync(join(root, 'cgroup.controllers'))) return await unifiedBooks(join(root, name));
    return await legacyBooks(root, name);
  } catch (cause) {
    throw new HostError(
      'no control group can be made here, and without one there is nothing to measure with',
      {
        advice: 'run it as root on the host itself, not in a container',
        cause,
      },
    );
  }
}

/** cgroups version 2 (Documentation/admin-guide/cgroup-v2.rst). */
async function unifiedBooks(folder: string): Promise<Books> {
  await mkdir(folder);
  const read = (name: string) => readFields(join(folder, name));
  // Fails here, not in the middle, where the memory controller is not given to groups.
  await read('memory.stat');
  return {
    doors: [join(folder, 'cgroup.procs')],
    async memory() {
      const fields = await read('memory.stat');
      return { processes: field(fields, 'anon'), files: field(fields, 'shmem') };
    },
    async cpu() {
      const fields = await read('cpu.stat');
      return { user: field(fields, 'user_usec') / 1e6, system: field(fields, 'system_usec') / 1e6 };
    },
    close: () => removeGroup(folder),
  };
}

/** cgroups version 1: one group in each of two trees, below the one this process is in. */
async function legacyBooks(root: string, name: string): Promise<Books> {
  const memory = join(await ownFolder(root, 'memory'), name);
  const cpuacct = join(await ownFolder(root, 'cpuacct'), name);
  await mkdir(memory);
  await mkdir(cpuacct);
  const nanoseconds = async (file: string) => Number(await readFile(join(cpuacct, file), 'utf8'));
  return {
    doors: [join(memory, 'cgroup.procs'), join(cpuacct, 'cgroup.procs')],
    async memory() {
      const fields = await readFields(join(memory, 'memory.stat'));
      return { processes: field(fields, 'total_rss'), files: field(fields, 'total_shmem') };
    },
    async cpu() {
      const [user, system] = [
        await nanoseconds('cpuacct.usage_user'),
        await nanoseconds('cpuacct.usage_sys'),
      ];
      return { user: user / 1e9, system: system / 1e9 };
    },
    async close() {
      await removeGroup(memory);
      await removeGroup(cpuacct);
    },
  };
}

/** Ends what a killed command has left behind in its group, and removes the group. */
async function removeGroup(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 20) throw error;
      await killAll(folder);
      // The caller's own context may be over by now.
      await createContext().sleep(INTERVAL);
    }
  }
}

async function killAll(folder: string): Promise<void> {
  for (const pid of (await readFile(join(folder, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It went on its own.
    }
  }
}

async function ownFolder(root: string, controller: string): Promise<string> {
  const row = (await readFile('/proc/self/cgroup', 'utf8'))
    .split('\n')
    .map(line => line.split(':'))
    .find(([, controllers]) => controllers?.split(',').includes(controller));
  const folder = join(root, controller, row?.[2] ?? '');
  return existsSync(folder) ? folder : join(root, controller);
}

async function readFields(path: string): Promise<ReadonlyMap<string, number>> {
  return parseFields(await readFile(path, 'utf8'));
}

/** @param text lines of `name number`, as in memory.stat */
export function parseFields(text: string): ReadonlyMap<string, number> {
  const rows = text.split('\n').map(line => line.split(' '));
  return new Map(rows.filter(row => row.length === 2).map(([name = '', value]) => [name, Number(value)]));
}

function field(fields: ReadonlyMap<string, number>, name: string): number {
  const value = fields.get(name);
  if (value === undefined) throw new Error(`the kernel's books have no ${name}`);
  return value;
}

async function busySeconds(): Promise<number> {
  return parseBusy(await readFile('/proc/stat', 'utf8'));
}

/** Seconds of CPU in use since boot. @param text /proc/stat, whose unit is 1/100 s (proc(5)) */
export function parseBusy(text: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '')
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq) / 100;
}
