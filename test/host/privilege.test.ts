import { existsSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { HostError } from '../../src/host/errors.ts';
import { rootPrefix } from '../../src/host/privilege.ts';
import { run } from '../../src/host/process.ts';

afterEach(() => vi.restoreAllMocks());

/** Either the words really make root run a command, or the error says what to do. */
async function judge(): Promise<readonly string[] | undefined> {
  const prefix = await rootPrefix().catch((error: unknown) => error);
  if (Array.isArray(prefix)) {
    expect((await run([...prefix, 'id', '-u'])).stdout).toBe('0\n');
    return prefix;
  }
  expect(prefix).toBeInstanceOf(HostError);
  expect(prefix).toMatchObject({ advice: expect.stringContaining('password-less sudo') });
  return undefined;
}

it('gives words that make root run a command, or says what is missing', async () => {
  const prefix = await judge();
  if (process.getuid?.() === 0) expect(prefix).toEqual([]);
});

it.runIf(existsSync('/usr/bin/sudo'))('asks sudo, without a prompt, for who is not root', async () => {
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  const prefix = await judge();
  if (prefix !== undefined) expect(prefix).toEqual(['sudo', '-n', '--']);
});
