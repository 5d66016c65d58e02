import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { startTime } from '../../src/host/workdir.ts';

/** One process of this host; read as root, else what is of other users is empty. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** `R`, `S`, `Z`...: field 3 of /proc/PID/stat. */
  readonly state: string;
  readonly argv: readonly string[];
  /** With the pid it names one process for ever; undefined: it has gone meanwhile. */
  readonly started: string | undefined;
}

/** What runs for a program at one moment, with the namespaces made for it. */
export interface Scene {
  readonly members: readonly Process[];
  /** Such as `net:[4026532345]`; never one of ours. */
  readonly namespaces: readonly string[];
  /** When it was looked at, in clock ticks since boot; whatever is killed should be so at once. */
  readonly taken: number;
}

/** Clock ticks in a second, as /proc/PID/stat counts them. */
const TICKS = 100;

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

export async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number);
  return Promise.all(
    pids.map(async pid => {
      const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
      const [stat, line] = [await read('stat'), await read('cmdline')];
      const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return { pid, parent: Number(parent), state, argv: line.split('\0'), started: await startTime(pid) };
    }),
  );
}

/** Everything below a process, itself included. */
export async function family(pid: number): Promise<Process[]> {
  const all = await processes();
  const found = all.filter(each => each.pid === pid);
  for (const member of found) found.push(...all.filter(each => each.parent === member.pid));
  return found;
}

/** Those that still run; a dead one that nobody has waited for yet holds nothing any more. */
export async function alive(members: readonly Process[]): Promise<Process[]> {
  const now = await processes();
  return members.filter(({ pid, started }) =>
    now.some(each => each.pid === pid && each.started === started && each.state !== 'Z'),
  );
}

/** A program and all that runs for it: below it, or at work in its place. */
export async function sceneOf(pid: number, place: string): Promise<Scene> {
  const below = await family(pid);
  const beside = (await atWorkIn(place)).filter(each => !below.some(member => member.pid === each.pid));
  const members = [...below, ...beside];
  const own = new Set(await namespacesOf(process.pid));
  const theirs = await Promise.all(members.map(each => namespacesOf(each.pid)));
  const taken = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]) * TICKS;
  return { members, taken, namespaces: [...new Set(theirs.flat())].filter(name => !own.has(name)) };
}

/**
 * What a program that is gone has left, in words: processes, namespaces, mounts and loop devices. Only what names
 * the place or belongs to the scene is looked at, since others work on this host too.
 * @param place absolute path of the folder that is the program's alone
 */
export async function leftovers(place: string, scene?: Scene): Promise<string[]> {
  const { members = [], namespaces = [], taken = 0 } = scene ?? {};
  const known = await alive(members);
  const found = (await atWorkIn(place)).filter(each => !known.some(({ pid }) => pid === each.pid));
  return [
    ...[...known, ...found].map(({ pid, argv }) => `process ${pid}: ${argv.join(' ').slice(0, 120)}`),
    ...(await inNamespaces(namespaces, taken)),
    ...(await mountsOf(place, namespaces)),
    ...(await loopsOf(place)),
  ];
}

/**
 * Files that a person would take for finished, relative to the place: those that no dot folder hides and that do not
 * say of themselves that they tell of a failure.
 */
export async function visibleFiles(place: string): Promise<string[]> {
  return (await filesBelow(place)).filter(name => !name.endsWith(FAILED));
}

/** Logs of failed builds, relative to the place. */
export async function failedLogs(place: string): Promise<string[]> {
  return (await filesBelow(place)).filter(name => name.endsWith(FAILED));
}

const FAILED = '.failed.log';

async function filesBelow(place: string): Promise<string[]> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(place.length + 1))
    .filter(name => !name.split('/').some(part => part.startsWith('.')))
    .sort();
}

/** Names of work directories in the place and in the folders directly below it. */
export async function workDirectories(place: string): Promise<string[]> {
  const names = await readdir(place, { withFileTypes: true }).catch(() => []);
  const folders = names.filter(entry => entry.isDirectory() && !entry.name.startsWith('.'));
  const below = folders.map(async ({ name }) =>
    (await readdir(join(place, name))).map(each => join(name, each)),
  );
  const all = [...names.map(each => each.name), ...(await Promise.all(below)).flat()];
  return all.filter(name => /(^|\/)\.image-factory-/.test(name));
}

/** Processes whose words, folder or root name the place. */
async function atWorkIn(place: string): Promise<Process[]> {
  const at = async (each: Process) => {
    if (each.pid === process.pid || each.state === 'Z') return false;
    const link = (name: string) => readlink(`/proc/${each.pid}/${name}`).catch(() => '');
    const words = [...each.argv, await link('cwd'), await link('root')];
    return words.some(word => word.includes(place));
  };
  const all = await processes();
  const chosen = await Promise.all(all.map(at));
  return all.filter((_each, index) => chosen[index]);
}

async function namespacesOf(pid: number | string): Promise<string[]> {
  const links = NAMESPACES.map(name => readlink(`/proc/${pid}/ns/${name}`).catch(() => ''));
  return (await Promise.all(links)).filter(name => name !== '');
}

/** The kernel uses a number again at once: who started later is in another namespace of the same name. */
async function inNamespaces(names: readonly string[], until: number): Promise<string[]> {
  if (names.length === 0) return [];
  const found: string[] = [];
  for (const { pid, started, argv } of await processes()) {
    if (Number(started) > until) continue;
    for (const name of await namespacesOf(pid))
      if (names.includes(name)) found.push(`${name} held by ${pid}: ${argv.join(' ').slice(0, 80)}`);
  }
  return found;
}

async function mountsOf(place: string, namespaces: readonly string[]): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const named = [place, ...namespaces];
  return lines.filter(line => named.some(name => line.includes(name))).map(line => `mount ${line}`);
}

async function loopsOf(place: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir('/sys/block')).filter(each => each.startsWith('loop'))) {
    const file = await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '');
    if (file.includes(place)) found.push(`${name} on ${file.trim()}`);
  }
  return found;
}
