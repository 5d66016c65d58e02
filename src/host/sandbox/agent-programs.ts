import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Of the tools tree, and of the host before it is entered. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A program of the agent's own, as its root. @throws Error with what it complained of */
export async function tool(...argv: string[]): Promise<void> {
  const child = start(argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr?.on('data', chunk => {
    text += chunk;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${text.trim() || `status ${status}`}`);
}

export function start(argv: readonly string[], options: Parameters<typeof spawn>[2]): ChildProcess {
  const [program = '', ...rest] = argv;
  return spawn(program, rest, { env: { PATH, LC_ALL: 'C.UTF-8' }, cwd: '/', ...options });
}
