import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import { newRun, runOf } from '../../../src/openstack/runs/run.ts';

describe('the name of a run', () => {
  it('leads back to it, to the second', () => {
    const date = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(date, now => {
        const run = newRun(createContext({ now: () => now }));
        expect(runOf(run.name)).toEqual(run);
        expect(run.startedAt.getTime()).toBe(Math.floor(now.getTime() / 1000) * 1000);
      }),
    );
  });

  it('is taken for ours from nobody else', () => {
    const ours = 'image-factory-20261121T104500Z-1a2b3c4d';
    expect(runOf(ours)?.startedAt).toEqual(new Date('2026-11-21T10:45:00Z'));
    const others = [
      'image-factory',
      `${ours}-copy`,
      `my ${ours}`,
      ours.toUpperCase(),
      ours.slice(0, -1),
      'image-factory-20261321T104500Z-1a2b3c4d',
    ];
    for (const other of others) expect(runOf(other)).toBeUndefined();
    fc.assert(fc.property(fc.string(), text => runOf(text) === undefined));
  });
});
