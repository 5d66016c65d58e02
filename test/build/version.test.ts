import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assertVersion, nextVersion } from '../../src/build/version.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { inTemporary } from '../host/support.ts';
import { LINE } from './support.ts';

const TODAY = new Date('2026-11-21T23:59:59Z');

it.each([
  ['nothing yet', [], '20261121.1'],
  ['builds of other days', ['20261120.7-amd64', '20261122.3-amd64'], '20261121.1'],
  ['builds of today', ['20261121.1-amd64', '20261121.2-amd64'], '20261121.3'],
  ['more than nine of today', ['20261121.9-amd64', '20261121.10-amd64'], '20261121.11'],
  ['one for another architecture', ['20261121.4-arm64'], '20261121.5'],
  ['other files', ['notes', '20261121', '20261121.1.html', 'x20261121.8-amd64'], '20261121.1'],
])('takes the next number after %s', (_what, names, wanted) =>
  inTemporary(async output => {
    for (const name of names) await mkdir(join(output, LINE.name, name), { recursive: true });
    expect(await nextVersion(output, LINE, TODAY)).toBe(wanted);
  }),
);

it('makes what it accepts', async () => {
  assertVersion(await nextVersion('/no/such/output', LINE, TODAY));
  assertVersion('20261121.120');
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
