import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { SshResult } from '../../../src/boot/types.ts';
import { CheckError } from '../../../src/host/errors.ts';
import { ownCheck } from '../../../src/verify/own/checks.ts';
import { onPath } from '../../../src/verify/pushed.ts';
import { NotApplicable } from '../../../src/verify/types.ts';
import { guestUnderTest, unwrapped } from '../guest.ts';

const FILE = 'service:\n  ssh:\n    running: true\n';
const goss = await onPath('goss');

/** Runs in this host's shell what a guest is told as root; with a stand-in for goss where its script is given. */
async function guestWith(script?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-goss-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  if (script !== undefined) {
    await writeFile(join(folder, 'goss'), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, 'goss'), 0o755);
  }
  const path = join(folder, 'services.yaml');
  await writeFile(path, FILE);
  const guest = guestUnderTest();
  const env = { PATH: `${folder}:/usr/bin:/bin` };
  const ssh = (command: string, { input }: { input?: Buffer } = {}) =>
    new Promise<SshResult>(resolve => {
      const child = execFile('sh', ['-c', unwrapped(command)], { env }, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
      child.stdin?.end(input);
    });
  const check = ownCheck({ name: 'own/services', kind: 'goss', path });
  return () => check.run({ ...guest, machine: { ...guest.machine, ssh } });
}

it("hands the user's file to the guest's goss, and passes by its TAP", async () => {
  const run = await guestWith(
    '[ "$*" = "--gossfile - validate --no-color --format tap" ] || exit 3\ngrep -q "running: true" || exit 4\necho 1..2; echo "ok 1 - Service: ssh: running"; echo "ok 2 - x"',
  );
  expect(await run()).toBe('2 tests passed');
});

it.each([
  [
    'says that a thing is not so',
    'echo 1..1; echo "not ok 1 - Service: ssh: running: is false"; exit 1',
    /ssh: running/,
  ],
  ['passes by its status and not by its TAP', 'echo 1..2; echo "ok 1 - x"', /./],
  ['cannot read its file', 'echo "Error: yaml: line 2" >&2; exit 1', /yaml: line 2/],
])('fails when goss %s', async (_what, script, message) => {
  const error: unknown = await (await guestWith(script))().catch(each => each);
  expect(error).toBeInstanceOf(CheckError);
  expect((error as CheckError).message).toMatch(message);
});

it.skipIf(goss !== undefined)('is no pass where neither guest nor runner has goss', async () => {
  await expect((await guestWith())()).rejects.toThrow(NotApplicable);
});
