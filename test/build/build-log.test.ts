import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { CancelledError } from '../../src/host/errors.ts';
import { inTemporary, recordingContext } from '../host/support.ts';

/** A log on a clock that moves a second at each look. */
async function logged(body: (log: BuildLog) => Promise<void>) {
  return inTemporary(async folder => {
    let clock = 0;
    const { context, said } = recordingContext({ now: () => new Date(1000 * clock++) });
    const log = new BuildLog(context, join(folder, 'build.log'));
    await body(log);
    return { said, timings: log.timings, text: await readFile(log.file, 'utf8') };
  });
}

it('keeps every line, cleaned, one a line, and tells it as untrusted', async () => {
  const { text, said } = await logged(async log => log.line('site', '\u001b[31mred\u202e\n::error::x'));
  expect(text).toBe('site: red ::error::x\n');
  expect(said).toEqual(['site: \u001b[31mred\u202e\n::error::x']);
});

it('shows nothing of what it was told to hide, however it comes', async () => {
  const { text } = await logged(async log => {
    log.hide(['horse:battery', 'battery']);
    log.line('apt', 'http://horse:battery@a.example/ battery');
    await log.keep('E: battery is low');
  });
  expect(text).toMatch(/^apt: http:\/\/\*\*\*@a\.example\/ \*\*\*\n== failed: E: \*\*\* is low\n/);
});

it('times each step, also one that fails', async () => {
  const { text, timings } = await logged(async log => {
    await log.timed('one', async () => log.line('x', 'inside'));
    await log.timed('two', async () => Promise.reject(new Error('fault'))).catch(() => {});
  });
  expect(timings).toEqual([
    { what: 'one', seconds: 1 },
    { what: 'two', seconds: 1 },
  ]);
  expect(text).toBe('== one\nx: inside\n== one: 1.0 s\n== two\n== two: 1.0 s\n');
});

it('starts no step after a cancellation', () =>
  inTemporary(async folder => {
    const { context } = recordingContext({ signal: AbortSignal.abort() });
    const log = new BuildLog(context, join(folder, 'build.log'));
    await expect(log.timed('one', async () => {})).rejects.toThrow(CancelledError);
  }));

it('ends with a table, in its last place', () =>
  inTemporary(async folder => {
    let clock = 0;
    const { context } = recordingContext({ now: () => new Date(1000 * clock++) });
    const log = new BuildLog(context, join(folder, 'build.log'), join(folder, 'kept.log'));
    await log.timed('install.d/50-motd', async () => {});
    await log.timed('disk', async () => {});
    await log.keep('element site failed\nat once');
    expect(await readdir(folder)).toEqual(['kept.log']);
    const text = await readFile(log.file, 'utf8');
    expect(text).toMatch(
      /== failed: element site failed at once\n== seconds by step\n {5}1\.0 {2}install\.d\/50-motd\n {5}1\.0 {2}disk\n$/,
    );
  }));

it('lets the step fail, and not the process, when the disk is full', async () => {
  const { context } = recordingContext();
  const log = new BuildLog(context, '/dev/full');
  const step = log.timed('one', async () => log.line('x', 'y'));
  await expect(step).rejects.toMatchObject({ code: 'ENOSPC' });
});

it('keeps the whole log of a build that fails after its log went into the bundle', () =>
  inTemporary(async folder => {
    const [path, kept] = [join(folder, 'build.log'), join(folder, 'x.failed.log')];
    const log = new BuildLog(recordingContext().context, path, kept);
    await log.timed('bootstrap', async () => {});
    await log.finish(join(folder, 'in-the-bundle.log'));
    await log.keep('no room');
    expect(await readFile(kept, 'utf8')).toMatch(/^== bootstrap\n.*== failed: no room\n/s);
  }));
