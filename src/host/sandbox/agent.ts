/**
 * The root side of the sandbox: PID 1 of its own PID namespace, in its own mount, IPC, UTS and cgroup
 * namespaces, started by sandbox.ts through `unshare` (and `sudo -n`). It has no dependencies and is bundled
 * on its own. When its standard input ends, the caller is gone: it exits, and the kernel ends every process
 * and mount of the namespace with it.
 */
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import { closeRoom, openRoom, startRequested } from './agent-payload.ts';
import { enterPlace } from './agent-place.ts';
import type { Answer, EnterRequest, Numbered, RunRequest } from './protocol.ts';

function answer(message: Answer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** The open directory of the caller's files, held beyond the change of root; programs do not inherit it. */
let files: number | undefined;

async function enter(request: EnterRequest): Promise<void> {
  if (request.files !== undefined) files = fs.openSync(request.files, fs.constants.O_DIRECTORY);
  await enterPlace(request);
}

/** A file of the caller: never made here, so that it stays his, and never reached through a link. */
function openFile(name: string, flags: number): number {
  if (files === undefined || name.includes('/')) throw new Error(`${name} is no file of the caller`);
  return fs.openSync(`/proc/self/fd/${files}/${name}`, flags | fs.constants.O_NOFOLLOW);
}

async function runChild(id: number, request: RunRequest): Promise<void> {
  const { from, to } = request;
  const input = from === undefined ? undefined : openFile(from, fs.constants.O_RDONLY);
  const output = to === undefined ? undefined : openFile(to, fs.constants.O_WRONLY);
  const first = input ?? (request.input === undefined ? 'ignore' : 'pipe');
  const child = startRequested(request, [first, output ?? 'pipe', 'pipe']);
  for (const each of [input, output]) if (each !== undefined) fs.closeSync(each);
  child.stdin?.on('error', () => {});
  child.stdin?.end(request.input);
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', text => answer({ id, stream, text }));
  }
  const [status, signal] = await once(child, 'close');
  answer({ id, status: typeof status === 'number' ? status : signal === 'SIGKILL' ? 137 : 128 });
}

/** Calls `act` for path and everything below it, never through a symbolic link. */
function everywhere(path: string, act: (path: string, stat: fs.Stats) => void): void {
  const stat = fs.lstatSync(path);
  if (stat.isDirectory()) for (const name of fs.readdirSync(path)) everywhere(`${path}/${name}`, act);
  act(path, stat);
}

function shift(path: string, by: number): void {
  everywhere(path, (each, stat) => {
    if (stat.uid >= by) return;
    // This clears the set-user-ID bits, as it must: newuidmap has to stay the root who calls it.
    fs.lchownSync(each, stat.uid + by, stat.gid + by);
  });
}

function perform(request: Exclude<Numbered, { op: 'run' }>): Promise<void> | void {
  switch (request.op) {
    case 'enter':
      return enter(request);
    case 'open-room':
      return openRoom();
    case 'close-room':
      return closeRoom();
    case 'shift':
      return shift(request.path, request.by);
    case 'give':
      return everywhere(request.path, path => fs.lchownSync(path, request.uid, request.gid));
    case 'write':
      return fs.writeFileSync(request.path, request.text, { mode: request.mode });
    case 'rename':
      return fs.renameSync(request.from, request.to);
    case 'remove':
      return fs.rmSync(request.path, { recursive: true, force: true });
  }
}

async function serve(request: Numbered): Promise<void> {
  try {
    if (request.op === 'run') return await runChild(request.id, request);
    await perform(request);
    answer({ id: request.id, status: 0 });
  } catch (error) {
    answer({ id: request.id, error: error instanceof Error ? error.message : String(error) });
  }
}

process.stdout.on('error', () => process.exit(0));
process.umask(0o022);
const lines = createInterface({ input: process.stdin });
lines.on('line', line => void serve(JSON.parse(line) as Numbered));
lines.on('close', () => process.exit(0));
