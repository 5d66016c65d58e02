import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CancelledError, HostError } from '../../src/host/errors.ts';
import { lastLines, lineSplitter, run, ToolError } from '../../src/host/process.ts';
import { inTemporary } from './support.ts';

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    error => error,
  );

describe('run', () => {
  it('gives status and both streams', async () => {
    const result = await run(['sh', '-c', 'echo out; echo err >&2; exit 3'], { accept: [0, 3] });
    expect(result).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('feeds the standard input, and closes it', async () => {
    expect((await run(['cat'], { input: 'three\nwords\n' })).stdout).toBe('three\nwords\n');
    expect((await run(['cat'])).stdout).toBe('');
  });

  it('does not mind a child that never reads its input', async () => {
    expect((await run(['true'], { input: Buffer.alloc(1 << 20) })).status).toBe(0);
  });

  it('says which program failed, how, and its last words on one line', async () => {
    const error = await caught(run(['sh', '-c', 'echo first >&2; echo second >&2; exit 7']));
    expect(error).toBeInstanceOf(ToolError);
    expect(error).toMatchObject({
      message: 'sh ended with status 7: first | second',
      result: { status: 7, stderr: 'first\nsecond\n' },
    });
  });

  it('tells a signal from a status', async () => {
    expect(await caught(run(['sh', '-c', 'kill -TERM $$']))).toMatchObject({
      message: 'sh was killed by SIGTERM',
    });
  });

  it('names a program that is not there', async () => {
    const error = await caught(run(['no-such-program-anywhere']));
    expect(error).toBeInstanceOf(HostError);
    expect(error).toMatchObject({ message: expect.stringContaining('no-such-program-anywhere') });
  });

  it('names a program that cannot be executed', () =>
    inTemporary(async directory => {
      await writeFile(join(directory, 'data'), 'x', { mode: 0o644 });
      const error = await caught(run([join(directory, 'data')]));
      expect(error).toBeInstanceOf(HostError);
      expect(error).toMatchObject({ message: expect.stringContaining(join(directory, 'data')) });
    }));

  it('blames the directory, not the program, when the directory is not there', async () => {
    expect(await caught(run(['true'], { cwd: '/no/such/directory' }))).toMatchObject({
      message: expect.stringContaining('/no/such/directory'),
    });
  });

  it('hands no variable of ours to the child', async () => {
    vi.stubEnv('RELEASE_SECRET', 'of the owner');
    try {
      const names = (await run(['env'])).stdout.split('\n').map(row => row.replace(/=.*/, ''));
      expect(names.filter(name => name !== '').sort()).toEqual(['LANG', 'LC_ALL', 'PATH']);
      expect((await run(['env', '-0'], { env: { ONLY: 'this' } })).stdout).toBe('ONLY=this\0');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('stops a child at its timeout, and its silent grandchildren do not hold it up', async () => {
    const start = Date.now();
    const error = await caught(run(['sh', '-c', 'sleep 5 & sleep 5'], { timeout: 200 }));
    expect(error).toMatchObject({ message: 'sh was stopped after 200 ms' });
    expect(Date.now() - start).toBeLessThan(2000);
  });

  it('leaves at once when it is cancelled, whoever still holds the pipes', async () => {
    const controller = new AbortController();
    const start = Date.now();
    setTimeout(() => controller.abort(), 100);
    const error = await caught(run(['sh', '-c', 'sleep 5 & sleep 5'], { signal: controller.signal }));
    expect(error).toBeInstanceOf(CancelledError);
    expect(Date.now() - start).toBeLessThan(2000);
  });

  it('starts nothing after a cancellation', () =>
    inTemporary(async directory => {
      const proof = join(directory, 'proof');
      const error = await caught(run(['touch', proof], { signal: AbortSignal.abort() }));
      expect(error).toBeInstanceOf(CancelledError);
      expect((await run(['ls', directory])).stdout).toBe('');
    }));

  it('hands out lines as they come, of both streams', async () => {
    const lines: string[] = [];
    const script = 'echo one; echo two >&2; printf "10%%\\r20%%\\r\\nlast"';
    await run(['sh', '-c', script], { onLine: (line, stream) => lines.push(`${stream} ${line}`) });
    expect(lines.filter(line => line.startsWith('stdout'))).toEqual(
      ['one', '10%', '20%', 'last'].map(line => `stdout ${line}`),
    );
    expect(lines).toContain('stderr two');
  });

  it('puts a letter together again that was cut between two chunks', async () => {
    const lines: string[] = [];
    const script = String.raw`printf 'gr\303'; sleep 0.1; printf '\274n\n'`;
    const { stdout } = await run(['sh', '-c', script], { onLine: line => lines.push(line) });
    expect(stdout).toBe('grün\n');
    expect(lines).toEqual(['grün']);
  });

  it('keeps a bounded part of an endless output: its beginning and its end', async () => {
    const { stdout } = await run(['sh', '-c', 'echo begin; yes filler | head -c 12000000; echo end']);
    expect(stdout.length).toBeLessThan(5 * 1024 * 1024);
    expect(stdout.startsWith('begin\n')).toBe(true);
    expect(stdout.endsWith('end\n')).toBe(true);
  });
});

describe('lineSplitter', () => {
  /** The text in chunks cut at the given places. */
  function split(text: string, cuts: readonly number[]): string[] {
    const lines: string[] = [];
    const splitter = lineSplitter(line => lines.push(line));
    const places = [0, ...cuts.map(cut => Math.min(cut, text.length)), text.length].sort((a, b) => a - b);
    for (const [index, place] of places.entries()) splitter.write(text.slice(places[index - 1] ?? 0, place));
    splitter.end();
    return lines;
  }

  it('gives the same lines wherever the chunks are cut', () => {
    const text = fc.array(fc.constantFrom('a', 'ü', ' ', '\r', '\n', '\r\n')).map(parts => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(30)), (whole, cuts) => {
        expect(split(whole, cuts)).toEqual(split(whole, []));
        expect(split(whole, cuts).join('')).toBe(whole.replace(/[\r\n]/g, ''));
      }),
    );
  });

  it('ends a line at a lone carriage return, also when nothing follows it', () => {
    expect(split('50%\r100%\r', [])).toEqual(['50%', '100%']);
    expect(split('a\r\nb', [2])).toEqual(['a', 'b']);
  });

  it('does not hoard a line that never ends', () => {
    const lengths: number[] = [];
    const splitter = lineSplitter(line => lengths.push(line.length));
    for (let written = 0; written < 64; written++) splitter.write('x'.repeat(1 << 16));
    expect(lengths.length).toBeGreaterThan(0);
    splitter.end();
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(64 << 16);
  });
});

it('lastLines skips empty lines and joins the rest', () => {
  expect(lastLines('a\n\n b \nc\n\n', 2)).toBe('b | c');
  expect(lastLines('', 3)).toBe('');
});
