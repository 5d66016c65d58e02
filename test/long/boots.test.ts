import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { OPTIONAL_CHECKS } from '../../src/definition/builtin.ts';
import { run, start } from '../end-to-end/program.ts';
import { ownBundle, sharedImage } from '../end-to-end/shared-image.ts';

const NAME = 'debian-12';
/** It needs another firmware than the rest. */
const SECURE_BOOT = 'secure-boot';

let work = '';
let factory = '';
let bundle = '';

/** The shared image with a factory file that asks for every check there is on a runner, and for two of its own. */
beforeAll(async () => {
  const shared = await sharedImage();
  work = await mkdtemp('/var/tmp/image-factory-boots-');
  await cp(shared.workspace, work, { recursive: true });
  factory = join(work, 'factory.yaml');
  const checks = OPTIONAL_CHECKS.filter(name => name !== SECURE_BOOT);
  const line = { releases: [12], elements: ['forger'], verify: { boot: '30m', checks, own: ['checks'] } };
  await writeFile(factory, stringify({ images: { debian: line } }));
  await script('guest/root', '#!/bin/sh\necho 1..1\ntest "$(id -u)" = 0 && echo "ok 1 - root"\n');
  await script('runner/banner', '#!/bin/bash\nread -r line < "/dev/tcp/$1/$2" && [[ $line = SSH-2.0-* ]]\n');
  bundle = await ownBundle(shared, join(work, 'out'));
});

afterAll(() => rm(work, { recursive: true, force: true }));

async function script(path: string, text: string): Promise<void> {
  const file = join(work, 'checks', path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o755);
}

it('passes every check that a runner can ask, in three boots, and is back after a restart', async () => {
  const { status, output } = await run(['verify', bundle, '--factory', factory]);
  expect(status, output).toBe(0);
  const folder = join(bundle, 'statements', 'verdict', 'qemu');
  const [verdict = ''] = await readdir(folder);
  const report = JSON.parse(await readFile(join(folder, verdict, 'report.json'), 'utf8'));
  expect(report.otherBoots.map((each: { name: string }) => each.name)).toEqual(['drive', 'service']);
  expect(report.units.length).toBeGreaterThan(10);
  expect(await readdir(join(folder, verdict))).toContain('console-drive.log');
});

it(`boots ${NAME} where Secure Boot is enforced`, async () => {
  const words = ['verify', bundle, '--factory', factory, '--only', SECURE_BOOT, '--firmware', 'uefi-secure'];
  const { status, output } = await run(words);
  expect(status, output).toBe(0);
});

it('leaves its guest to look at, and takes it along when it is interrupted', async () => {
  const running = start(['verify', bundle, '--factory', factory, '--only', 'ssh', '--keep', '1']);
  await running.says(/left running until .*\n.*ssh -F none -i \S+/);
  const words = /(ssh -F none -i .*)/.exec(running.output())?.[1]?.trim().split(' ') ?? [];
  const [program = '', ...options] = words;
  const { stdout } = await promisify(execFile)(program, [...options, '-o', 'BatchMode=yes', 'id', '-un']);
  expect(stdout.trim()).toBe('debian');
  running.child.kill('SIGINT');
  expect((await running.ended).status).toBe(130);
  await expect(
    promisify(execFile)(program, [...options, '-o', 'ConnectTimeout=5', 'true']),
  ).rejects.toThrow();
});
