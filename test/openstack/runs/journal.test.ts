import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import type { CloudConfig } from '../../../src/openstack/config/types.ts';
import { deadRuns, openRunJournal } from '../../../src/openstack/runs/journal.ts';
import { newRun } from '../../../src/openstack/runs/run.ts';
import { inTemporary } from '../../host/support.ts';
import { orphanJournals } from '../orphans.ts';

const CLOUD: CloudConfig = {
  label: 'cloud a',
  authUrl: 'https://cloud.example/v3',
  credential: { kind: 'password', user: { id: 'u' }, password: 'p' },
  scope: { kind: 'none' },
  region: 'staging',
  interface: 'public',
  interfaces: {},
  endpoints: {},
  ca: undefined,
  certificate: undefined,
};

describe('the journal of a run', () => {
  it('tells the next one of a dead run in the same cloud, and of no other', () =>
    inTemporary(async state => {
      const run = newRun(createContext());
      const journal = await openRunJournal(state, run, CLOUD);
      await journal.intend('server');
      expect(await deadRuns(state, CLOUD)).toEqual([]);
      await orphanJournals(state);
      expect((await deadRuns(state, CLOUD)).map(each => each.run)).toEqual([run]);
      expect(await deadRuns(state, { ...CLOUD, region: 'production' })).toEqual([]);
      const [dead] = await deadRuns(state, CLOUD);
      await dead?.forget();
      expect(await deadRuns(state, CLOUD)).toEqual([]);
    }));

  it('holds no secret, and is gone with the run', () =>
    inTemporary(async state => {
      const secret = {
        ...CLOUD,
        credential: { kind: 'password', user: { id: 'u' }, password: 'hush' },
      } as const;
      const journal = await openRunJournal(state, newRun(createContext()), secret);
      await journal.intend('key');
      const [name = ''] = await readdir(join(state, 'clouds'));
      const text = await readFile(join(state, 'clouds', name), 'utf8');
      expect(text).not.toContain('hush');
      expect(text.trim().split('\n')).toHaveLength(2);
      await journal.end();
      expect(await readdir(join(state, 'clouds'))).toEqual([]);
    }));

  it('that was torn in its first line names no run', () =>
    inTemporary(async state => {
      await openRunJournal(state, newRun(createContext()), CLOUD);
      const [name = ''] = await readdir(join(state, 'clouds'));
      await writeFile(join(state, 'clouds', name), '{"formatVersion":1,"ru');
      expect(await deadRuns(state, CLOUD)).toEqual([]);
    }));
});
