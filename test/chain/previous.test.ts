import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { STATEMENT, writeStatement } from '../../src/bundle/statements.ts';
import { RUNNER_PLACE } from '../../src/chain/places.ts';
import { previousResults } from '../../src/chain/previous.ts';
import { temporary } from '../promote/fixture.ts';
import { manifest } from '../report/fixture.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporary();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bundleOf = (version: string) => join(folder, manifest.image, `${version}-amd64`);

interface Told {
  readonly accelerator?: string;
  readonly firmware?: string;
  readonly seconds?: number;
  readonly met?: readonly string[];
}

async function built(version: string): Promise<void> {
  await mkdir(join(bundleOf(version), 'core'), { recursive: true });
  await writeFile(join(bundleOf(version), 'core', 'manifest.json'), JSON.stringify({ ...manifest, version }));
}

async function ran(version: string, run: string, report: string | Told, place = RUNNER_PLACE): Promise<void> {
  const {
    accelerator = 'tcg',
    firmware = 'bios',
    seconds = 0,
    met,
  } = typeof report === 'string' ? {} : report;
  const checks = met === undefined ? [] : [{ name: 'hardening', score: { met } }];
  const text = JSON.stringify({ machine: { accelerator, firmware }, bootSeconds: seconds, checks });
  const files = { [STATEMENT]: '{}', 'report.json': typeof report === 'string' ? report : text };
  await writeStatement(bundleOf(version), 'verdict', place, run, files);
}

const before = (firmware = 'bios') =>
  previousResults(bundleOf('20261121.1'), { ...manifest, version: '20261121.1' }, manifest.line, firmware);

it('knows nothing of a first version, nor of later ones', async () => {
  await built('20261121.1');
  await built('20261122.1');
  await ran('20261121.1', 'a', { seconds: 50 });
  await ran('20261122.1', 'a', { seconds: 50, met: ['x'] });
  expect(await before()).toEqual({});
});

it('takes the newest version that tells, each thing for itself', async () => {
  for (const version of ['20261118.1', '20261119.1', '20261120.1', '20261121.1']) await built(version);
  await ran('20261118.1', 'a', { seconds: 99, met: ['old'] });
  await ran('20261119.1', 'a', { met: ['first'] });
  await ran('20261119.1', 'b', { met: ['second'] });
  await ran('20261120.1', 'a', { seconds: 61 });
  await ran('20261120.1', 'b', { seconds: 60 });
  await ran('20261120.1', 'c', { seconds: 9, accelerator: 'kvm' });
  await ran('20261120.1', 'd', { seconds: 7, firmware: 'uefi' });
  const { score, boot } = await before();
  expect(score).toEqual({ version: '20261119.1', met: ['second'] });
  expect([boot?.version, boot?.seconds('tcg'), boot?.seconds('kvm'), boot?.seconds('hvf')]).toEqual([
    ...['20261120.1', 60, 9, undefined],
  ]);
  expect((await before('uefi')).boot?.seconds('tcg')).toBe(7);
});

it('passes over what cannot be read, and over other places', async () => {
  await built('20261120.1');
  await ran('20261120.1', 'a', { seconds: 60 });
  await ran('20261120.1', 'b', 'no JSON');
  await ran('20261120.1', 'c', '{"checks": 3}');
  await ran('20261120.1', 'd', { seconds: 1 }, 'directory:stores/staging');
  expect((await before()).boot?.seconds('tcg')).toBe(60);
});
