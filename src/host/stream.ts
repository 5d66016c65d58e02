import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Context, checkCancelled } from './context.ts';
import { notStarted, plainEnvironment, ToolError } from './process.ts';

/** Of what a program complains about, so much is kept. */
const KEPT = 16 * 1024;

/**
 * What a program writes to its standard output, as it comes. It is ended when nobody reads on.
 * @throws ToolError when its status is not 0, HostError when it is not there, CancelledError
 */
export async function* streamed(
  context: Pick<Context, 'signal'>,
  argv: readonly string[],
): AsyncGenerator<Buffer, void, undefined> {
  const [program = '', ...rest] = argv;
  checkCancelled(context);
  const child = spawn(program, rest, { env: plainEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  context.signal.addEventListener('abort', kill, { once: true });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => {
    stderr = (stderr + text.toString('utf8')).slice(-KEPT);
  });
  // Taken before the first await: a program that is not there says so at once.
  const closed = once(child, 'close').catch(error => error);
  try {
    for await (const piece of child.stdout) yield piece as Buffer;
    const end = (await closed) as [number | null] | Error;
    checkCancelled(context);
    if (end instanceof Error) throw notStarted(end, program, undefined);
    const status = end[0] ?? 128;
    if (status === 0) return;
    throw new ToolError(argv, { status, stdout: '', stderr }, `ended with status ${status}`);
  } finally {
    context.signal.removeEventListener('abort', kill);
    kill();
  }
}
