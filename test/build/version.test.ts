import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertVersion, nextVersion, type Reservation, withVersion } from '../../src/build/version.ts';
import { DefinitionError, HostError } from '../../src/host/errors.ts';
import { inTemporary, recordingContext } from '../host/support.ts';
import { LINE } from './support.ts';

const TODAY = new Date('2026-11-21T23:59:59Z');

it.each([
  ['nothing yet', [], '20261121.1'],
  ['builds of other days', ['20261120.7-amd64', '20261122.3-amd64'], '20261121.1'],
  ['builds of today', ['20261121.1-amd64', '20261121.2-amd64'], '20261121.3'],
  ['more than nine of today', ['20261121.9-amd64', '20261121.10-amd64'], '20261121.11'],
  ['one for another architecture', ['20261121.4-arm64'], '20261121.5'],
  ['other files', ['notes', '20261121', '20261121.1.html', 'x20261121.8-amd64'], '20261121.1'],
  ['a failed one', ['20261121.1-amd64', '20261121.2-amd64.failed.log'], '20261121.2'],
])('takes the next number after %s', (_what, names, wanted) => {
  expect(nextVersion(names, TODAY)).toBe(wanted);
  assertVersion(nextVersion(names, TODAY));
});

describe('a version', () => {
  const { context } = recordingContext({ now: () => TODAY });
  const reserved = <T>(
    output: string,
    version: string | undefined,
    body: (reservation: Reservation) => Promise<T>,
  ) => withVersion(context, { output, line: LINE, ...(version === undefined ? {} : { version }) }, body);

  it('is taken by one build only, of all that begin at the same time', () =>
    inTemporary(async output => {
      let arrived = 0;
      const names = await Promise.all(
        Array.from({ length: 6 }, () =>
          reserved(output, undefined, async ({ version, bundle, directory }) => {
            arrived++;
            await expect.poll(() => arrived).toBe(6);
            expect(bundle).toBe(join(output, LINE.name, `${version}-amd64`));
            expect(dirname(directory)).toBe(dirname(bundle));
            return version;
          }),
        ),
      );
      expect(names.sort()).toEqual([1, 2, 3, 4, 5, 6].map(number => `20261121.${number}`));
      expect(await readdir(join(output, LINE.name))).toEqual([]);
    }));

  it('that was asked for is refused at once while another builds it, and once it is there', () =>
    inTemporary(async output => {
      await reserved(output, '20261121.1', async ({ bundle }) => {
        const second = reserved(output, '20261121.1', async () => 'built');
        await expect(second).rejects.toThrow('debian-12 20261121.1 is being built by another process');
        await mkdir(bundle);
      });
      const third = reserved(output, '20261121.1', async () => 'built');
      await expect(third).rejects.toThrow(/20261121\.1-amd64 is already there/);
      await expect(third).rejects.toThrow(HostError);
      expect(await reserved(output, undefined, async ({ version }) => version)).toBe('20261121.2');
    }));

  it('is free again when its build has failed', () =>
    inTemporary(async output => {
      const failed = reserved(output, undefined, async () => Promise.reject(new Error('fault')));
      await expect(failed).rejects.toThrow('fault');
      expect(await reserved(output, undefined, async ({ version }) => version)).toBe('20261121.1');
    }));
});

it.each([
  '',
  '1.0',
  '20261121',
  '20261121.0',
  '20261121.01',
  '2026-11-21.1',
  '20261121.1-rc',
  '../20261121.1',
])('refuses %j', version => expect(() => assertVersion(version)).toThrow(DefinitionError));
