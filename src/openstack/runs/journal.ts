import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from '../../host/errors.ts';
import { startTime } from '../../host/workdir.ts';
import type { CloudConfig } from '../config/types.ts';
import { type Run, runOf } from './run.ts';

const FORMAT = 1;
const SUFFIX = '.jsonl';

/** First line of a journal. */
interface Header {
  readonly formatVersion: typeof FORMAT;
  readonly run: string;
  /** Which cloud it works in, as its configuration says. */
  readonly cloud: string;
  /** Process that works, and its start in clock ticks since boot. */
  readonly process: { readonly pid: number; readonly start: string | undefined };
}

/** What one run is about to make in a cloud; each line is on the disk before the request is sent. */
export interface RunJournal {
  intend(kind: string): Promise<void>;
  /** Nothing of the run is left, or it is to be kept: forgets it. */
  end(): Promise<void>;
}

/** @param state the user's state directory */
export function journalFolder(state: string): string {
  return join(state, 'clouds');
}

/** Where a login works: whoever the user is, things of a run are found there. */
function cloudOf({ authUrl, region, scope }: CloudConfig): string {
  return JSON.stringify([authUrl, region ?? null, scope]);
}

/** @param state the user's state directory */
export async function openRunJournal(state: string, run: Run, config: CloudConfig): Promise<RunJournal> {
  const file = join(journalFolder(state), `${run.name}${SUFFIX}`);
  const process_ = { pid: process.pid, start: await startTime(process.pid) };
  const header: Header = { formatVersion: FORMAT, run: run.name, cloud: cloudOf(config), process: process_ };
  await mkdir(journalFolder(state), { recursive: true, mode: 0o700 });
  await append(file, header);
  return {
    intend: kind => append(file, { make: kind }),
    end: () => rm(file, { force: true }),
  };
}

async function append(file: string, line: object): Promise<void> {
  try {
    const handle = await open(file, 'a', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(line)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new HostError(`the journal ${file} cannot be written`, {
      advice: 'make room, or set XDG_STATE_HOME',
      cause,
    });
  }
}

/** Runs in the same cloud, begun on this host, whose process is gone. */
export async function deadRuns(
  state: string,
  config: CloudConfig,
): Promise<{ readonly run: Run; forget(): Promise<void> }[]> {
  const names = await readdir(journalFolder(state)).catch(() => []);
  const files = names.filter(name => name.endsWith(SUFFIX)).map(name => join(journalFolder(state), name));
  const found = [];
  for (const file of files) {
    const header = headerOf(await readFile(file, 'utf8').catch(() => ''));
    const run = header === undefined ? undefined : runOf(header.run);
    if (header === undefined || run === undefined || header.cloud !== cloudOf(config)) continue;
    const { pid, start } = header.process;
    if ((await startTime(pid)) !== start) found.push({ run, forget: () => rm(file, { force: true }) });
  }
  return found;
}

function headerOf(text: string): Header | undefined {
  try {
    const header = JSON.parse(text.split('\n', 1)[0] ?? '');
    return header.formatVersion === FORMAT ? header : undefined;
  } catch {
    return undefined;
  }
}
