import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckError } from '../host/errors.ts';
import { run, ToolError } from '../host/process.ts';
import { tied } from './tied.ts';
import type { SshOptions, SshResult } from './types.ts';

const KEY = 'id_ed25519';
const KNOWN = 'known_hosts';
const MINUTE = 60_000;

/** Makes a key pair for this run alone. @returns the public half, as authorized_keys has it */
export async function makeKeyPair(directory: string, signal: AbortSignal): Promise<string> {
  const file = join(directory, KEY);
  await run(tied(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'image-factory', '-f', file]), {
    signal,
  });
  return (await readFile(`${file}.pub`, 'utf8')).trim();
}

/** Where a guest's sshd is; the directory holds the key, the known hosts and the shared connection. */
export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly directory: string;
}

/**
 * Names are relative, ssh runs in the directory: a control socket's path may have no more than about 100
 * characters, a work directory has more. What the user has in ~/.ssh plays no part.
 */
const OPTIONS = [
  ...['BatchMode=yes', 'ConnectTimeout=8', 'LogLevel=ERROR', 'ServerAliveInterval=10'],
  ...[`IdentityFile=${KEY}`, 'IdentitiesOnly=yes', 'IdentityAgent=none', 'UpdateHostKeys=no'],
  ...[`UserKnownHostsFile=${KNOWN}`, 'GlobalKnownHostsFile=/dev/null', 'StrictHostKeyChecking=accept-new'],
];
const SHARED = ['ControlMaster=auto', 'ControlPath=ssh.sock', 'ControlPersist=yes'];
const KEYLESS = ['PubkeyAuthentication=no'];
/** A further login at a guest that is up: a slow host takes long to start another sshd. The first value counts. */
const FURTHER = ['ConnectTimeout=30'];

export function sshArgv(target: SshTarget, command: string, { user, keyless }: SshOptions = {}): string[] {
  const own = user === undefined && !keyless;
  const options = [...(own ? SHARED : FURTHER), ...OPTIONS, ...(keyless ? KEYLESS : [])];
  const where = ['-p', String(target.port), '-l', user ?? target.user, target.host];
  return ['ssh', '-F', 'none', ...options.flatMap(option => ['-o', option]), ...where, '--', command];
}

/** What a person types to log in, in whatever folder he is. */
export function loginArgv({ host, port, user, directory }: SshTarget): string[] {
  const known = `UserKnownHostsFile=${join(directory, KNOWN)}`;
  const key = ['-i', join(directory, KEY), '-o', 'IdentitiesOnly=yes'];
  return ['ssh', '-F', 'none', ...key, '-o', known, '-p', String(port), `${user}@${host}`];
}

/** @throws CheckError when the command takes longer than the timeout */
export async function ssh(
  target: SshTarget,
  command: string,
  options: SshOptions & { signal: AbortSignal },
): Promise<SshResult> {
  const { timeout = MINUTE, signal, input } = options;
  const accept = Array.from({ length: 256 }, (_, status) => status);
  const argv = sshArgv(target, command, options);
  try {
    return await run(tied(argv), {
      ...{ cwd: target.directory, timeout, signal, accept },
      ...(input && { input }),
    });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const shown = command.length > 60 ? `${command.slice(0, 60)}...` : command;
    throw new CheckError(`no answer over ssh within ${timeout / 1000} s to: ${shown}`, { cause: error });
  }
}

/** Ends the shared connection; its keeper is a process of its own. */
export async function closeSsh(target: SshTarget): Promise<void> {
  const argv = ['ssh', '-F', 'none', '-o', 'ControlPath=ssh.sock', '-O', 'exit', target.host];
  await run(tied(argv), { cwd: target.directory, timeout: 1000 }).catch(() => {});
}

/** Ends the shared connection, and forgets by which host key the guest was known. */
export async function forgetSsh(target: SshTarget): Promise<void> {
  await closeSsh(target);
  await rm(join(target.directory, KNOWN), { force: true });
}
