import type { Context } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import { type RunResult, run, ToolError } from '../../host/process.ts';

/** The user and group nobody. */
const NOBODY = '65534';

/** What was said beside it: the supervisor could not do its part. */
const UNFIT = 126;

/**
 * PID 1 of the script's namespaces: gives it a copy of itself in a /tmp of its own, and ends, with all that the script
 * left running, when the script does or when our end of its standard input closes. A fixed text: the script's path and
 * its arguments come as positional parameters.
 */
const SUPERVISE = `
exec 3<&0 4<"$1" || exit ${UNFIT}; shift
mount -t tmpfs -o mode=1777,size=64m none /tmp && cat <&4 >/tmp/check && chmod 755 /tmp/check && cd /tmp || exit ${UNFIT}
exec 4<&-
"$@" 3<&- </dev/null &
{ cat <&3 >/dev/null; exit 130; } &
wait -n
`;

export interface RunnerScript {
  /** Absolute path of the script. */
  readonly path: string;
  readonly arguments: readonly string[];
  /** Words before a command that make root run it: only root can become nobody. */
  readonly root: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
}

/**
 * Runs a script that nobody has looked at on this host: as the user nobody, without privileges to gain, with an empty
 * environment, without sight of other processes.
 * @throws CheckError when it takes too long, CancelledError
 */
export async function runUnprivileged(context: Context, script: RunnerScript): Promise<RunResult> {
  const { path, root, timeout } = script;
  const drop = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', '--no-new-privs'];
  const argv = [
    ...[...root, 'unshare', '--mount', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
    ...['bash', '--norc', '--noprofile', '-c', SUPERVISE, 'own-check', path],
    ...['setpriv', ...drop, '--inh-caps=-all', '--bounding-set=-all', '--'],
    ...['env', '-i', './check', ...script.arguments],
  ];
  const accept = Array.from({ length: 256 }, (_, status) => status);
  try {
    return await run(argv, { hold: true, timeout, accept, signal: context.signal });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CheckError(`it did not end within ${timeout / 1000} s`, { cause: error });
  }
}
