import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Context, createContext } from '../../src/host/context.ts';
import { silentLog } from '../../src/host/log.ts';

/** Calls body with a temporary directory. */
export async function inTemporary<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'image-factory-test-'));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A context that keeps what was said, and never waits. */
export function recordingContext(overrides: Partial<Context> = {}): { context: Context; said: string[] } {
  const said: string[] = [];
  const keep = (level: string) => (line: string) => void said.push(`${level}: ${line}`);
  const log = {
    ...silentLog,
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    untrusted: (source: string, line: string) => void said.push(`${source}: ${line}`),
  };
  return { context: createContext({ log, sleep: async () => {}, ...overrides }), said };
}
