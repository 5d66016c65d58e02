import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { openJournal, readEntries } from '../../src/promote/journal.ts';
import type { Step } from '../../src/promote/plan.ts';
import { temporary } from './fixture.ts';

const context = createContext({ now: () => new Date('2026-11-21T12:00:00Z') });
const upload: Step = { action: 'upload', store: 'one', version: '1', sentence: 'upload it' };
const publish: Step = { action: 'publish', store: 'one', version: '1', sentence: 'publish it' };

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await temporary();
  file = join(folder, 'journal', 'debian-12-1-staging.jsonl');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

it('only grows, one whole line at a time', async () => {
  const journal = await openJournal(context, file, 'job 1');
  await journal.write('intent', upload);
  const first = await readFile(file, 'utf8');
  await journal.write('failed', upload, 'two\nlines');
  const text = await readFile(file, 'utf8');
  expect(text.startsWith(first)).toBe(true);
  expect(text.trimEnd().split('\n')).toHaveLength(2);
  expect(readEntries(text)[1]).toEqual({
    formatVersion: 1,
    at: '2026-11-21T12:00:00.000Z',
    job: 'job 1',
    state: 'failed',
    step: upload,
    detail: 'two\nlines',
  });
});

it('knows which steps were begun and not ended, past a torn line', async () => {
  const journal = await openJournal(context, file, 'job 1');
  await journal.write('intent', upload);
  await journal.write('done', upload);
  await journal.write('intent', publish);
  await appendFile(file, '{"formatVersion":1,"state":"do');
  const next = await openJournal(context, file, 'job 2');
  expect(next.unfinished).toEqual([publish]);
  await next.write('intent', publish);
  await next.write('done', publish);
  expect((await openJournal(context, file, 'job 3')).unfinished).toEqual([]);
});

it('writes nothing while nothing happens', async () => {
  await openJournal(context, file, 'job 1');
  await expect(readFile(file)).rejects.toThrow('ENOENT');
});
