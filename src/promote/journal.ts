import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context } from '../host/context.ts';
import { onDisk, readIfThere, sync } from './files.ts';
import type { Step } from './plan.ts';

export const JOURNAL_FORMAT = 1;

/** One line of a journal. */
export interface JournalEntry {
  readonly formatVersion: typeof JOURNAL_FORMAT;
  readonly at: string;
  /** Link to the CI job, or `host:PID`. */
  readonly job: string;
  readonly state: 'intent' | 'done' | 'failed';
  readonly step: Step;
  /** What came of it, or what went wrong. */
  readonly detail?: string;
}

/**
 * The history of one promotion, one JSON object a line, each on the disk before the next thing happens. The
 * stores say what is left to do; the journal says who began it, and with what.
 */
export interface Journal {
  /** Steps that a run before this one began and never ended. */
  readonly unfinished: readonly Step[];
  write(state: JournalEntry['state'], step: Step, detail?: string): Promise<void>;
}

/**
 * @param file `JOURNAL/LINE-VERSION-STAGE.jsonl`, made with the first line
 * @throws HostError when it cannot be written
 */
export async function openJournal(context: Context, file: string, job: string): Promise<Journal> {
  const text = (await readIfThere(file)) ?? '';
  // A line that a dead process left half written is closed, never continued.
  let lead = text === '' || text.endsWith('\n') ? '' : '\n';
  return {
    unfinished: unfinishedSteps(readEntries(text)),
    async write(state, step, detail) {
      const at = context.now().toISOString();
      const entry: JournalEntry = { formatVersion: JOURNAL_FORMAT, at, job, state, step };
      const line = JSON.stringify(detail === undefined ? entry : { ...entry, detail });
      await onDisk(`writing the journal ${file}`, () => append(file, `${lead}${line}\n`));
      lead = '';
    },
  };
}

async function append(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await sync(dirname(file));
}

/** The entries that are whole; a torn line is as if it had never been written. */
export function readEntries(text: string): JournalEntry[] {
  return text.split('\n').flatMap(line => {
    try {
      const entry: unknown = JSON.parse(line);
      return isEntry(entry) ? [entry] : [];
    } catch {
      return [];
    }
  });
}

function isEntry(value: unknown): value is JournalEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<JournalEntry>;
  return entry.formatVersion === JOURNAL_FORMAT && typeof entry.step?.sentence === 'string';
}

function unfinishedSteps(entries: readonly JournalEntry[]): Step[] {
  const open = new Map<string, Step>();
  for (const { state, step } of entries) {
    const key = `${step.action} ${step.store} ${step.version}`;
    if (state === 'intent') open.set(key, step);
    else open.delete(key);
  }
  return [...open.values()];
}
