import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addElement, type Bed, buildTogether, makeBed, type Together, WARM } from './bed.ts';
import { type Canaries, plantCanaries } from './canaries.ts';

/** Where the spy looks: outside the chroot, inside, and outside again when the tree is done. */
const PHASES = ['extra-data.d', 'install.d', 'cleanup.d'];

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('two builds at the same time, of an element that spies', () => {
  let bed: Bed;
  let canaries: Canaries;
  let built: Together;

  beforeAll(async () => {
    const made = await makeBed({ warm: true });
    canaries = await plantCanaries(made.env.HOME ?? '');
    const program = [...canaries.session, ...made.program];
    bed = { ...made, program, env: { ...made.env, ...canaries.env } };
    await addElement(
      bed,
      'spy',
      Object.fromEntries(PHASES.map(phase => [`${phase}/50-spy`, canaries.script])),
    );
  });

  afterAll(async () => {
    await canaries?.remove();
    await bed?.remove();
  });

  // The long test has four, with caches that are empty at first.
  it('with the same output, downloads and layers do not disturb each other', async () => {
    built = await buildTogether(bed, [WARM, WARM]);
    expect(built.said.map(each => each.includes('damaged'))).toEqual([false, false]);
  });

  it('make the same bytes', () => {
    expect(built.digests).toHaveLength(1);
  });

  it('let the element find no file, process, key, socket, device, loopback or metadata service of the host', async () => {
    for (const bundle of built.bundles) {
      const log = await readFile(join(bundle, 'core/logs/build.log'), 'utf8');
      expect(log.split('\n').filter(line => line === 'spy: looked everywhere')).toHaveLength(PHASES.length);
      expect(log.split('\n').filter(line => line.startsWith('spy: found'))).toEqual([]);
    }
    expect(canaries.visitors()).toBe(0);
  });
});
