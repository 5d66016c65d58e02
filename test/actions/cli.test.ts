import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { understand } from '../../actions/cli.ts';
import { COMMANDS } from '../../actions/inputs/index.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { NODES, ROOT, type Started, startDist } from './support.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function lineOf(...argv: string[]): Promise<string> {
  const error = await understand(argv, () => {}).catch((thrown: unknown) => thrown);
  if (!(error instanceof DefinitionError)) throw new Error(`understood: ${argv}`);
  return error.line;
}

describe('words of the command line', () => {
  it.each([
    [['biuld'], "unknown command 'biuld' (Did you mean build?)"],
    [['build', '--ouput', 'x'], "unknown option '--ouput' (Did you mean --output?)"],
    [['verify'], "missing required argument 'BUNDLE'"],
    [['sign', 'a', 'b'], 'too many arguments'],
    [['build', '--output'], 'argument missing'],
    [[], 'no command was given'],
  ])('%j are told in one line that ends with advice', async (argv, message) => {
    const line = await lineOf(...argv);
    expect(line).toContain(message);
    expect(line).toMatch(/--help tells what there is$/);
    expect(line).not.toContain('\n');
  });

  it.each(COMMANDS.map(({ name }) => name))(
    '%s --help names every input, examples and statuses',
    async name => {
      const parts: string[] = [];
      expect(await understand([name, '--help'], text => parts.push(text))).toBeUndefined();
      const help = parts.join('');
      const command = COMMANDS.find(candidate => candidate.name === name);
      for (const input of command?.inputs ?? []) {
        if (input.only === 'action') continue;
        expect(help).toContain(input.argument ? input.name.toUpperCase() : input.name);
      }
      for (const example of command?.examples ?? []) expect(help).toContain(`image-factory ${example}`);
      expect(help).toContain('130  cancelled');
    },
  );

  it('of every example are understood', async () => {
    for (const example of COMMANDS.flatMap(({ examples }) => examples)) {
      const chosen = await understand(example.split(' '), () => {});
      expect(() => chosen?.work.prepare(chosen.source), example).not.toThrow();
    }
  });

  it('give a build its version, not the version of the program', async () => {
    const chosen = await understand(['build', '--version', '20261121.1'], () => {});
    expect(chosen?.work.command.name).toBe('build');
  });
});

/** Opening a pipe nobody writes to never ends: the work that cannot be stopped. */
async function startStuck(node: string): Promise<Started> {
  const pipe = join(directory, 'factory.yaml');
  execFileSync('mkfifo', [pipe]);
  const started = startDist(node, 'cli', { argv: ['plan'], cwd: directory });
  // Node itself catches SIGINT and SIGTERM; SIGHUP is the last that we do.
  const caught = /^SigCgt:\s*[0-9a-f]*[13579bdf]$/m;
  await vi.waitUntil(() => caught.test(statusOf(started.child.pid ?? 0)), { timeout: 10_000 });
  await delay(300);
  return started;
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

describe.each(NODES)('dist/cli.js under %s', node => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'leaves within 2 s of %s, even from work that is stuck',
    async signal => {
      const { child, ended } = await startStuck(node);
      const start = performance.now();
      child.kill(signal);
      const { status, signal: killedBy, stderr } = await ended;
      expect(performance.now() - start).toBeLessThan(2_000);
      // A shell calls both 130.
      expect(status === 130 || killedBy === 'SIGINT').toBe(true);
      expect(stderr).toContain('stopping\n');
    },
  );

  it('leaves at once on a second signal', async () => {
    const { child, ended } = await startStuck(node);
    const start = performance.now();
    child.kill('SIGINT');
    await delay(100);
    child.kill('SIGINT');
    expect((await ended).signal).toBe('SIGINT');
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('says nothing of a pipe that nobody reads', async () => {
    const { child, ended } = startDist(node, 'cli', { argv: ['plan', '--json'], cwd: directory });
    child.stdout?.destroy();
    expect(await ended).toMatchObject({ status: 0, stderr: expect.not.stringContaining('EPIPE') });
  });

  it('prints results to standard output and everything else to standard error', async () => {
    const { status, stdout, stderr } = await startDist(node, 'cli', {
      argv: ['plan', '--json'],
      cwd: directory,
    }).ended;
    expect(status).toBe(0);
    expect(JSON.parse(stdout)[0].include[0].image).toBe('debian-12');
    expect(stderr).toContain('there is no factory.yaml here');
  });
});

describe('./image-factory', () => {
  const launcher = join(ROOT, 'image-factory');
  const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' };

  it('starts from another directory through symbolic links', async () => {
    symlinkSync(launcher, join(directory, 'one'));
    symlinkSync('one', join(directory, 'two'));
    const { stdout } = await run([join(directory, 'two'), 'plan'], { cwd: directory, env });
    expect(stdout).toBe('debian-12 amd64 on ubuntu-24.04\n');
  });

  it.each([
    ['v20.11.9', 'Node.js v20.11.9 is too old'],
    ['v8.17.0', 'Node.js v8.17.0 is too old'],
    ['banana', "node --version says 'banana'"],
  ])('says in one line that Node.js %s will not do', async (version, message) => {
    writeFileSync(join(directory, 'node'), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    const { stderr } = await run([launcher, 'plan'], { env: { PATH: `${directory}:/bin` }, accept: [3] });
    expect(stderr).toBe(`image-factory: ${message}: install Node.js 20.12 or newer\n`);
  });

  it('says in one line that there is no Node.js', async () => {
    const { stderr } = await run(['/bin/sh', launcher, 'plan'], { env: { PATH: directory }, accept: [3] });
    expect(stderr).toMatch(/^image-factory: Node.js is not installed .*\n$/);
  });
});
