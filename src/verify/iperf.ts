import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Context } from '../host/context.ts';
import { CancelledError, HostError } from '../host/errors.ts';
import { run, ToolError } from '../host/process.ts';

const TRIES = 3;
const PATIENCE = 120_000;
/** The user and group nobody: what the guest sends is read by whoever has nothing to lose. */
const NOBODY = '65534';

/** A server of iperf3 on this host's loopback, for one measurement. */
export interface IperfServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** @throws HostError when it does not start, CancelledError */
export async function serveIperf(context: Context, program: string): Promise<IperfServer> {
  let cause: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return await serveAt(context, program, await freePort());
    } catch (error) {
      // Somebody else may have taken the port meanwhile.
      if (!(error instanceof ToolError)) throw error;
      cause = error;
    }
  }
  throw new HostError('iperf3 does not start', { cause });
}

async function serveAt(context: Context, program: string, port: number): Promise<IperfServer> {
  const stop = new AbortController();
  const words = [
    program,
    '--server',
    '--one-off',
    '--forceflush',
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
  ];
  let listens = () => {};
  const listening = new Promise<void>(resolve => {
    listens = resolve;
  });
  const ended = run([...unprivileged(), 'setpriv', '--pdeathsig', 'KILL', '--', ...words], {
    signal: AbortSignal.any([context.signal, stop.signal]),
    timeout: PATIENCE,
    onLine: line => {
      if (line.includes('Server listening')) listens();
    },
  });
  // Ended or stopped, it has told nothing that the client does not tell better.
  const over = ended.then(
    () => {},
    (error: unknown) => {
      if (!(error instanceof ToolError || error instanceof CancelledError)) throw error;
    },
  );
  await Promise.race([listening, ended]);
  return {
    port,
    stop: () => {
      stop.abort();
      return over;
    },
  };
}

function unprivileged(): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  return ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', '--no-new-privs', '--'];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
