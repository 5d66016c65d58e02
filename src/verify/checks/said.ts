import type { Machine } from '../../boot/types.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { lastLines } from '../../host/process.ts';

const MOST = 200;

/**
 * What a command in the guest wrote to its standard output, without white space around it.
 * @throws CheckError when it fails
 */
export async function said(machine: Machine, command: string, timeout = 60_000): Promise<string> {
  const { status, stdout, stderr } = await machine.ssh(command, { timeout });
  if (status === 0) return stdout.trim();
  const why = clean(lastLines(stderr, 2)).slice(0, MOST);
  throw new CheckError(`${command} in the guest ended with status ${status}${why === '' ? '' : ` (${why})`}`);
}
