import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { OPTIONAL_CHECKS } from '../../src/definition/builtin.ts';
import type { Report } from '../../src/verify/types.ts';
import { run, start } from '../end-to-end/program.ts';
import { ownBundle, sharedImage } from '../end-to-end/shared-image.ts';

/** Of the customer's checks. */
const REINSTALLED = /linux-image-\d.*, grub-.* reinstalled; back after .* with the same/;

let work = '';
let factory = '';
let bundle = '';

/** Asks for every check that there is on a runner, and for two of its own. */
beforeAll(async () => {
  const shared = await sharedImage();
  work = await mkdtemp('/var/tmp/image-factory-boots-');
  await cp(shared.workspace, work, { recursive: true });
  factory = join(work, 'factory.yaml');
  const verify = { boot: '30m', checks: OPTIONAL_CHECKS, own: ['checks'] };
  const line = { releases: [12, 13], elements: ['forger'], verify };
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

/** The newest verdict of a bundle. */
async function newest(of = bundle): Promise<{ folder: string; report: Report }> {
  const verdicts = join(of, 'statements', 'verdict', 'qemu');
  const folder = join(verdicts, (await readdir(verdicts)).sort().at(-1) ?? '');
  return { folder, report: JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) };
}

async function built13(): Promise<string> {
  const output = join(work, 'out13');
  const { status, output: said } = await run([
    ...['build', 'debian-13', '--factory', factory, '--output', output],
  ]);
  expect(status, said).toBe(0);
  const line = join(output, 'debian-13');
  return join(line, (await readdir(line)).find(name => name.endsWith('-amd64')) ?? '');
}

it.each([
  ['12', async () => bundle],
  ['13', built13],
])(
  'a good image of Debian %s passes every check that a runner can ask, under each firmware',
  async (_release, made) => {
    const image = await made();
    const { status, output } = await run(['verify', image, '--factory', factory]);
    expect(status, output).toBe(0);
    const { folder, report } = await newest(image);
    expect(report.machine.firmware).toBe('bios');
    expect(report.checks.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    expect(report.otherBoots?.map(({ name }) => name)).toEqual(['uefi', 'secure-boot', 'drive', 'service']);
    expect(report.units?.length).toBeGreaterThan(10);
    expect(report.sharedSeconds).toBeLessThan(report.bootSeconds / 4);
    const upgraded = report.checks
      .filter(({ name }) => name.startsWith('customer'))
      .map(({ detail }) => detail);
    expect(upgraded).toEqual([REINSTALLED, REINSTALLED].map(says => expect.stringMatching(says)));
    for (const name of ['', '-uefi', '-secure-boot', '-drive', '-service']) {
      expect(await readFile(join(folder, `console${name}.log`), 'utf8')).toMatch(/ login:/);
    }
    // The kernel spoke at each start: restart and customer, or the customer alone, started it anew.
    const starts = async (name: string) =>
      (await readFile(join(folder, name), 'utf8')).match(/ Linux version \d/g);
    expect(await starts('console.log')).toHaveLength(3);
    expect(await starts('console-uefi.log')).toHaveLength(2);
  },
);

it('boots once where the whole run is under Secure Boot', async () => {
  const words = ['--only', 'secure-boot', '--firmware', 'uefi-secure'];
  const { status, output } = await run(['verify', bundle, '--factory', factory, ...words]);
  expect(status, output).toBe(0);
  const { report } = await newest();
  expect(report).toMatchObject({ machine: { firmware: 'uefi-secure' }, required: ['secure-boot'] });
  expect(report.otherBoots).toBeUndefined();
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
