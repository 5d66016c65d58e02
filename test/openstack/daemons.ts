import { spawn } from 'node:child_process';
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLines, plainEnvironment, run } from '../../src/host/process.ts';
import { startTime } from '../../src/host/workdir.ts';
import type { Place } from './place.ts';

/** Seconds a service may take to come up on a busy machine. */
const PATIENCE = 120;

/**
 * A pid file holds `PID START`: a process id that the kernel has given to somebody else meanwhile is neither
 * taken for ours nor ended.
 */
export async function recorded(place: Place, name: string): Promise<number | undefined> {
  const text = await readFile(place.path('run', `${name}.pid`), 'utf8').catch(() => '');
  const [pid = '', start] = text.trim().split(' ');
  return start !== undefined && (await startTime(Number(pid))) === start ? Number(pid) : undefined;
}

/** Starts a service in a session of its own, in the cloud's namespaces, unless it runs; its output goes to `log/NAME.log`. */
export async function startDaemon(
  place: Place,
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  if ((await recorded(place, name)) !== undefined) return;
  const [program = '', ...rest] = [...place.enter, ...argv];
  const log = await open(place.log(name), 'a', 0o600);
  const child = spawn(program, rest, {
    detached: true,
    env: plainEnvironment(env),
    stdio: ['ignore', log.fd, log.fd],
  });
  await new Promise((started, failed) => child.once('spawn', started).once('error', failed));
  await log.close();
  child.unref();
  await writeFile(place.path('run', `${name}.pid`), `${child.pid} ${await startTime(child.pid ?? 0)}\n`);
}

/** Polls until the service answers; a service that died is told at once, with the end of its log. */
export async function waitForDaemon(
  place: Place,
  name: string,
  answers: () => Promise<boolean>,
): Promise<void> {
  const end = Date.now() + PATIENCE * 1000;
  while (!(await answers())) {
    const dead = (await recorded(place, name)) === undefined;
    if (dead || Date.now() > end) {
      const log = await readFile(place.log(name), 'utf8').catch(() => '');
      throw new Error(`${name} ${dead ? 'died' : `did not answer in ${PATIENCE} s`}:\n${lastLines(log, 15)}`);
    }
    await delay(100);
  }
}

/** Whether something speaks HTTP there. */
export async function speaksHttp(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(5000) }).then(
    async response => {
      await response.body?.cancel();
      return true;
    },
    () => false,
  );
}

/** Names of all services that were ever started here, whether they run or not. */
export async function daemons(place: Place): Promise<{ name: string; pid: number | undefined }[]> {
  const files = await readdir(place.path('run')).catch(() => []);
  const names = files.filter(file => file.endsWith('.pid')).map(file => file.slice(0, -'.pid'.length));
  return Promise.all(names.sort().map(async name => ({ name, pid: await recorded(place, name) })));
}

/** Ends services, each with all processes of its session: politely, after so many seconds for good. */
export async function stopDaemons(place: Place, names: readonly string[], seconds: number): Promise<void> {
  const sessions: number[] = [];
  for (const name of names) {
    const pid = await recorded(place, name);
    if (pid !== undefined) sessions.push(pid);
  }
  signalAll(sessions, 'SIGTERM');
  const end = Date.now() + seconds * 1000;
  while ((await members(sessions)).length > 0 && Date.now() < end) await delay(100);
  for (const pid of await members(sessions)) signalAll([pid], 'SIGKILL');
  for (const name of names) await rm(place.path('run', `${name}.pid`), { force: true });
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between our look and our signal.
    }
  }
}

/** Processes of these sessions. */
export async function members(sessions: readonly number[]): Promise<number[]> {
  if (sessions.length === 0) return [];
  const { stdout } = await run(['ps', '-o', 'pid=', '--sid', sessions.join(',')], { accept: [0, 1] });
  return stdout
    .split('\n')
    .map(Number)
    .filter(pid => pid > 0);
}
