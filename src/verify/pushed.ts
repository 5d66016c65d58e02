import { access, constants, readFile } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import type { SshResult } from '../boot/types.ts';
import { CheckError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { lastLines, plainEnvironment, run } from '../host/process.ts';
import { asRoot } from './facts.ts';
import type { GuestUnderTest } from './types.ts';

const PATIENCE = 120_000;

/** Absolute path of a program of this host; undefined when it has none of that name. */
export async function onPath(program: string): Promise<string | undefined> {
  for (const folder of (plainEnvironment().PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Runs a command in the guest as root, with a file of this host on its standard input. */
export async function piped(
  { machine }: Pick<GuestUnderTest, 'machine'>,
  path: string,
  command: string,
  timeout = PATIENCE,
): Promise<SshResult> {
  return machine.ssh(asRoot(command), { input: await readFile(path), timeout });
}

/**
 * Brings a program of this host into the guest, with the libraries that it needs and their loader, so that it runs
 * whatever the guest has.
 * @param program absolute path
 * @param folder in the guest; whoever asks for it removes it
 * @returns words that start it there
 * @throws CheckError when the guest has no room for it, ToolError when the program cannot be read
 */
export async function pushProgram(
  guest: Pick<GuestUnderTest, 'machine'>,
  program: string,
  folder: string,
): Promise<string> {
  const { stdout } = await run(['ldd', program]);
  const files = [program, ...new Set(stdout.match(/\/\S+/g))];
  for (const file of files) {
    const target = `${folder}/${basename(file)}`;
    const { status, stderr } = await piped(
      guest,
      file,
      `mkdir -p ${folder} && cat > ${target} && chmod 755 ${target}`,
    );
    if (status === 0) continue;
    throw new CheckError(
      `${basename(file)} could not be brought into the guest: ${clean(lastLines(stderr, 1))}`,
    );
  }
  const loader = files.map(file => basename(file)).find(name => name.startsWith('ld-')) ?? '';
  return `${folder}/${loader} --library-path ${folder} ${folder}/${basename(program)}`;
}
