import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { measure, parseBusy, parseFields } from '../../bench/meter.ts';
import { createContext } from '../../src/host/context.ts';
import { HostError } from '../../src/host/errors.ts';

test('fields of the kernel are read by name', () => {
  const fields = parseFields('cache 12\ntotal_rss 4096\n\n');
  expect([...fields]).toEqual([
    ['cache', 12],
    ['total_rss', 4096],
  ]);
});

test('busy is all but idle, waiting and guests', () => {
  expect(parseBusy('cpu  100 20 30 4000 500 6 7 0 9 9\ncpu0 1 1 1 1 1 1 1 0 0 0\n')).toBeCloseTo(1.63);
});

/** 80 MiB of memory for a moment, half a second of CPU in a grandchild, half a second of sleep. */
const WORK = `node -e '
  const held = Buffer.alloc(80 << 20, 1);
  const end = Date.now() + 500;
  while (Date.now() < end);
  setTimeout(() => console.log(held.length), 500);
'`;

async function measureHere(argv: readonly string[], context = createContext()) {
  return measure(context, `image-factory-test-${process.pid}`, argv, {
    env: { PATH: process.env.PATH ?? '' },
  });
}

const allowed = await measureHere(['true']).then(
  () => true,
  error => {
    if (error instanceof HostError) return false;
    throw error;
  },
);

describe.runIf(allowed)('where control groups can be made', () => {
  test('a process counts with all it started', async () => {
    const { usage, result } = await measureHere(['sh', '-c', `${WORK} & wait`]);
    expect(result.stdout.trim()).toBe(String(80 << 20));
    expect(usage.memory.processes).toBeGreaterThan(80 << 20);
    expect(usage.memory.processes).toBeLessThan(400 << 20);
    expect(usage.memory.together).toBeGreaterThanOrEqual(usage.memory.processes);
    // Half a second of work, of which a busy machine gives a part.
    expect(usage.user + usage.system).toBeGreaterThan(0.1);
    expect(usage.wall).toBeGreaterThan(0.9);
  });

  test('files in memory count apart', async () => {
    const script = 'mount -t tmpfs tmpfs /mnt && head -c 64M /dev/zero > /mnt/file && sleep 0.3';
    const { usage } = await measureHere(['unshare', '--mount', 'sh', '-c', script]);
    expect(usage.memory.files).toBeGreaterThanOrEqual(64 << 20);
    expect(usage.memory.processes).toBeLessThan(32 << 20);
  });

  const groupsLeft = async () =>
    (await readdir('/sys/fs/cgroup', { recursive: true })).filter(path =>
      path.endsWith(`image-factory-test-${process.pid}`),
    );

  test('a failure is told and leaves no group', async () => {
    await expect(measureHere(['sh', '-c', 'echo no >&2; exit 3'])).rejects.toThrow('no');
    expect(await groupsLeft()).toEqual([]);
  });

  test('a cancelled one leaves neither group nor descendants', async () => {
    const controller = new AbortController();
    const work = measureHere(
      ['sh', '-c', 'sleep 60 > /dev/null 2>&1 & sleep 60; true'],
      createContext({ signal: controller.signal }),
    );
    setTimeout(() => controller.abort(), 200);
    await expect(work).rejects.toThrow('cancelled');
    expect(await groupsLeft()).toEqual([]);
  });
});
