import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectRunner } from '../../src/runner/detect.ts';
import { gitHubJob } from '../../src/runner/github.ts';
import { DOTENV_FILE, dotenvLine, SUMMARY_FILE } from '../../src/runner/gitlab.ts';
import { loadState, saveState } from '../../src/runner/state.ts';
import { PLATFORMS, stage } from './support.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'runner-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const file = (name: string) => readFileSync(join(directory, name), 'utf8');

it.each(Object.entries(PLATFORMS))('%s is told from its environment', (kind, env) => {
  expect(detectRunner(env)).toBe(kind);
});

describe('GitHub', () => {
  it('gets outputs whose text cannot end before its end', () => {
    const { runner } = stage({ ...PLATFORMS.github, GITHUB_OUTPUT: join(directory, 'out') });
    runner.outputs({ bundle: '/b', text: 'one\nEOF\ntwo=3' });
    const end = (byte: string) => `end_${byte.repeat(16)}`;
    expect(file('out')).toBe(
      `bundle<<${end('01')}\n/b\n${end('01')}\ntext<<${end('02')}\none\nEOF\ntwo=3\n${end('02')}\n`,
    );
  });

  it('gets a page, and no more of it than it shows', () => {
    const { runner, written } = stage({ ...PLATFORMS.github, GITHUB_STEP_SUMMARY: join(directory, 'page') });
    runner.summary('# Hello');
    runner.summary('x'.repeat(1_000_000));
    expect(file('page')).toBe('# Hello\n');
    expect(written()).toContain('::warning::the job summary is longer');
  });

  it('gets groups, and a group inside a group as a line', async () => {
    const { runner, written } = stage(PLATFORMS.github);
    await runner.log.group('outer', () => runner.log.group('inner', async () => runner.log.info('x')));
    expect(written()).toBe('::group::outer\ninner\nx\n::endgroup::\n');
  });

  it('closes the group of a failure, so that the error is seen', async () => {
    const { runner, written } = stage(PLATFORMS.github);
    await expect(runner.log.group('g', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    runner.failure('it failed: do this', ['because']);
    expect(written()).toBe('::group::g\n::endgroup::\n  because\n::error::it failed: do this\n');
  });

  it('marks the line of the factory file that is wrong', () => {
    const { runner, written } = stage({ ...PLATFORMS.github, GITHUB_WORKSPACE: '/w' });
    runner.failure('/w/factory.yaml:3:5: unknown key a\nfactory.yaml:4:1: unknown key b, c', []);
    expect(written()).toBe(
      '::error file=factory.yaml,line=3,col=5::/w/factory.yaml:3:5: unknown key a\n' +
        '::error file=factory.yaml,line=4,col=1::factory.yaml:4:1: unknown key b, c\n',
    );
  });

  it.each([
    ['1', 'https://ci.example/o/r/actions/runs/7'],
    ['2', 'https://ci.example/o/r/actions/runs/7/attempts/2'],
  ])('is linked to by run and attempt %s', (attempt, link) => {
    const env = { GITHUB_SERVER_URL: 'https://ci.example', GITHUB_REPOSITORY: 'o/r', GITHUB_RUN_ID: '7' };
    expect(gitHubJob({ ...env, GITHUB_RUN_ATTEMPT: attempt })).toBe(link);
  });
});

describe('GitLab', () => {
  it('gets a dotenv report that its parser reads back', () => {
    const { runner } = stage({
      ...PLATFORMS.gitlab,
      CI_PROJECT_DIR: directory,
      CI_JOB_URL: 'https://ci.example/j/1',
    });
    runner.outputs({ bundle: '/b c', 'disk-digest': 'abc' });
    expect(parseEnv(file(DOTENV_FILE))).toEqual({
      IMAGE_FACTORY_BUNDLE: '/b c',
      IMAGE_FACTORY_DISK_DIGEST: 'abc',
    });
    expect(runner.job).toBe('https://ci.example/j/1');
  });

  it('refuses an output of two lines, which would be another variable', () => {
    expect(() => dotenvLine('a', 'x\nPATH=/evil')).toThrow('more than one line');
  });

  it('folds groups', async () => {
    const { runner, written } = stage(PLATFORMS.gitlab);
    await runner.log.group('Build', async () => {});
    const name = 'image_factory_010101010101';
    expect(written()).toBe(
      `\u001b[0Ksection_start:1795219200:${name}[collapsed=true]\r\u001b[0K\u001b[1mBuild\u001b[0m\n` +
        `\u001b[0Ksection_end:1795219200:${name}\r\u001b[0K\n`,
    );
  });

  it('gets the page as a file', () => {
    const { runner } = stage({ ...PLATFORMS.gitlab, CI_PROJECT_DIR: directory });
    runner.log.secret('hush');
    runner.summary('# hush, hello');
    expect(file(SUMMARY_FILE)).toBe('# ***, hello\n');
  });
});

describe('a terminal', () => {
  it('redraws one line and leaves a last word', () => {
    const { runner, written, pass } = stage(PLATFORMS.terminal, { tty: true });
    const progress = runner.log.progress('download', 4 * 1024 ** 2, 'bytes');
    pass(1000);
    progress.update(1024 ** 2);
    progress.update(2 * 1024 ** 2);
    pass(1000);
    progress.update(4 * 1024 ** 2);
    progress.end();
    expect(written()).toBe(
      '\r\u001b[Kdownload: 1.0 MiB of 4.0 MiB (25 %), 1.0 MiB/s, 3.0 s left' +
        '\r\u001b[Kdownload: 4.0 MiB of 4.0 MiB (100 %), 2.0 MiB/s, 0.0 s left' +
        '\r\u001b[Kdownload: done (4.0 MiB in 2.0 s)\n',
    );
  });

  it('that is none gets a line every 15 seconds', () => {
    const { runner, written, pass } = stage(PLATFORMS.terminal);
    const progress = runner.log.progress('pack', 100);
    for (let step = 1; step <= 40; step += 1) {
      pass(1000);
      progress.update(step);
    }
    progress.end('packed');
    expect(written()).toBe(
      'pack: 15 of 100 (15 %), 1 min 25 s left\npack: 30 of 100 (30 %), 1 min 10 s left\npack: packed (40.0 s)\n',
    );
  });

  it('shows what elements said only when their group failed', async () => {
    const { runner, written, pass } = stage(PLATFORMS.terminal);
    await runner.log.group('good', async () => runner.log.untrusted('e', 'quiet'));
    const bad = runner.log.group('bad', async () => {
      runner.log.untrusted('e', 'the reason');
      pass(2000);
      throw new Error('no');
    });
    await expect(bad).rejects.toThrow('no');
    expect(written()).toBe('good\n  done after 0.0 s\nbad\n  e | the reason\n  failed after 2.0 s\n');
  });

  it('has no colours where they are not wanted', () => {
    const { runner, written } = stage({ NO_COLOR: '1' }, { tty: true });
    runner.log.warn('careful');
    expect(written()).toBe('warning: careful\n');
    expect(runner.job).toBe('builder:42');
  });
});

describe('state from main to post', () => {
  const state = { action: 'build-image', directories: ['/a b', '/c'] };
  const world = { env: {}, random: (bytes: number) => Buffer.alloc(bytes, 1) };

  it('comes back as it was saved', () => {
    saveState({ ...world, env: { GITHUB_STATE: join(directory, 'state') } }, state);
    const [, name, value] = /^(\w+)<<\w+\n(.*)\n/.exec(file('state')) ?? [];
    expect(loadState({ [`STATE_${name}`]: value })).toEqual(state);
  });

  it.each(['', '{', '[]', '{"action":1}'])('that is not ours is none: %j', text => {
    expect(loadState({ STATE_image_factory: text })).toBeUndefined();
  });
});
