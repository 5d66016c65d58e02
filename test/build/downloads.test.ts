import { describe, expect, it } from 'vitest';
import { isCreeping, type Look, watchingDownloads } from '../../src/build/downloads.ts';
import { createContext } from '../../src/host/context.ts';
import { NetworkError } from '../../src/host/errors.ts';
import type { Sandbox } from '../../src/host/sandbox/sandbox.ts';

/** Seven looks at one file, at even rates: bytes between two looks that the network brings, and that the file grows. */
const looks = (received: number, grown = received, path = 'bash.deb'): Look[] =>
  Array.from({ length: 7 }, (_, index) => ({
    received: index * received,
    unfinished: new Map([[path, 1000 + index * grown]]),
  }));
const nothing = looks(0).map(each => ({ ...each, unfinished: new Map<string, number>() }));

it.each([
  ['17 kB/s', looks(17_000 * 5), true],
  ['a hundred bytes a second', looks(500), true],
  ['40 kB/s', looks(40_000 * 5), false],
  ['nothing to fetch', nothing, false],
  ['a file that is verified, which does not grow', looks(0), false],
  ['a file that is verified while a keepalive comes', looks(54, 0), false],
  ['a list that is unpacked on a busy host', looks(54, 20_000), false],
  ['one file after the other', [...looks(500).slice(0, 3), ...looks(500, 500, 'tar.deb').slice(3)], false],
  [
    'a file that came to its end meanwhile',
    [...looks(500).slice(0, 3), ...nothing.slice(0, 1), ...looks(500).slice(4)],
    false,
  ],
  ['too short a time', looks(500).slice(0, 6), false],
  ['none', [], false],
])('judges %s', (_what, seen, wanted) => expect(isCreeping(seen, 30)).toBe(wanted));

describe('watchingDownloads', () => {
  /** A sandbox whose network brings so much between two looks, and that ends a body when it is closed. */
  function creeping(bytesBetween: number) {
    let received = 0;
    let close = () => {};
    const closed = new Promise<never>((_resolve, reject) => {
      close = () => reject(new Error('the sandbox ended'));
    });
    const sandbox = {
      run: async () => {
        received += bytesBetween;
        const stdout = `Inter-|\n  tap0: ${received} 1 2\n    lo: 99999999 1\n\n${received} /cache/.ownx/partial/a.deb\n`;
        return { status: 0, stdout, stderr: '' };
      },
      close: async () => close(),
    } as unknown as Sandbox;
    return { sandbox, closed };
  }
  const options = { name: 'x', patience: 0.06 };
  const context = createContext();

  it('ends the sandbox and blames the mirror when a download creeps', async () => {
    const { sandbox, closed } = creeping(100);
    const watched = watchingDownloads(context, sandbox, options, () => closed);
    await expect(watched).rejects.toThrow(NetworkError);
    await expect(watched).rejects.toThrow(/gave less than 32 KiB\/s/);
  });

  it('lets a download at a good pace go on, and gives what came of the work', async () => {
    const { sandbox } = creeping(1024 * 1024);
    const work = () => new Promise<string>(resolve => setTimeout(() => resolve('built'), 300));
    expect(await watchingDownloads(context, sandbox, options, work)).toBe('built');
  });

  it('passes on how the work failed', async () => {
    const { sandbox } = creeping(0);
    const work = () => Promise.reject(new Error('fault'));
    await expect(watchingDownloads(context, sandbox, options, work)).rejects.toThrow('fault');
  });
});
