import type { SshResult } from '../boot/types.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { lastLines } from '../host/process.ts';
import { asRoot } from './facts.ts';
import type { GuestUnderTest } from './types.ts';

const MOST = 200;
const PATIENCE = 60_000;

/**
 * What a command that a check names in `asks` wrote to its standard output as root, without white space around it.
 * @throws CheckError when it failed
 */
export async function asked(guest: GuestUnderTest, command: string): Promise<string> {
  const { status, stdout, stderr } = await answerOf(guest, command);
  if (status === 0) return stdout.trim();
  const why = clean(lastLines(stderr, 2)).slice(0, MOST);
  throw new CheckError(`${command} in the guest ended with status ${status}${why === '' ? '' : ` (${why})`}`);
}

/** Its lines that are not empty, cleaned. */
export async function askedLines(guest: GuestUnderTest, command: string): Promise<string[]> {
  const text = await asked(guest, command);
  return text
    .split('\n')
    .map(line => clean(line).trim())
    .filter(line => line !== '');
}

/** What was gathered with all others' questions; else asked by itself. */
async function answerOf({ machine, answers }: GuestUnderTest, command: string): Promise<SshResult> {
  return answers?.get(command) ?? machine.ssh(asRoot(command), { timeout: PATIENCE });
}
