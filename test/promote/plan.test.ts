import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DefinitionError, TrustError } from '../../src/host/errors.ts';
import { isCurrent, planPromotion, type StoreState } from '../../src/promote/plan.ts';
import type { StoredImage } from '../../src/promote/types.ts';
import { plainFile, stored } from './fixture.ts';

const VERSION = '20261121.5';

function state(images: readonly StoredImage[], change: Partial<StoreState> = {}): StoreState {
  return { name: 'directory:one', file: plainFile(VERSION), images, accepted: false, ...change };
}

function plan(stores: readonly StoreState[], keep = 1) {
  return planPromotion({
    line: 'debian-12',
    version: VERSION,
    stage: 'staging',
    stores,
    retention: { keep },
  });
}

function short(steps: ReturnType<typeof plan>): string[] {
  return steps.map(step => `${step.action} ${step.version} ${step.store.replace('directory:', '')}`);
}

describe('the order', () => {
  it('is upload and verify everywhere, publish everywhere, hide everywhere', () => {
    const old = stored('20261121.4');
    expect(short(plan([state([old]), state([old], { name: 'directory:two' })]))).toEqual([
      'upload 20261121.5 one',
      'verify 20261121.5 one',
      'upload 20261121.5 two',
      'verify 20261121.5 two',
      'publish 20261121.5 one',
      'publish 20261121.5 two',
      'hide 20261121.4 one',
      'hide 20261121.4 two',
    ]);
  });

  it('says each step in a sentence', () => {
    expect(plan([state([stored('20261121.4')])]).map(step => step.sentence)).toEqual([
      'upload debian-12 20261121.5 privately to directory:one',
      'boot and verify debian-12 20261121.5 in directory:one',
      'publish debian-12 20261121.5 in directory:one',
      'hide debian-12 20261121.4 in directory:one: its id goes on working',
    ]);
  });
});

describe('what is done already', () => {
  it('is not done again', () => {
    const own = stored(VERSION, { visibility: 'private' });
    expect(short(plan([state([own])]))).toEqual(['verify 20261121.5 one', 'publish 20261121.5 one']);
    expect(short(plan([state([own], { accepted: true })]))).toEqual(['publish 20261121.5 one']);
    expect(short(plan([state([stored(VERSION), stored('20261121.4')])]))).toEqual(['hide 20261121.4 one']);
    expect(plan([state([stored(VERSION), stored('20261121.4', { hidden: true })])])).toEqual([]);
  });
});

describe('retention', () => {
  const history = ['4', '3', '2', '1'].map(digit => stored(`20261121.${digit}`, { hidden: digit !== '4' }));

  it('removes hidden versions beyond the kept ones, oldest first', () => {
    expect(short(plan([state([stored(VERSION), ...history])], 2))).toEqual([
      'hide 20261121.4 one',
      'remove 20261121.1 one',
      'remove 20261121.2 one',
    ]);
  });

  it('keeps the version before even when told to keep none', () => {
    expect(short(plan([state([stored(VERSION), ...history])], 0)).at(-1)).toBe('remove 20261121.3 one');
  });

  it('leaves refused, private versions alone and does not count them', () => {
    const refused = stored('20261121.4', { visibility: 'private' });
    const images = [stored(VERSION), refused, stored('20261121.3', { hidden: true })];
    expect(plan([state(images)], 1)).toEqual([]);
  });
});

describe('refusals', () => {
  it('does not go back to an older version', () => {
    expect(() => plan([state([stored('20261121.6')])])).toThrow(DefinitionError);
    expect(() => plan([state([stored('20261121.6')])])).toThrow(
      'older than 20261121.6, public in directory:one',
    );
  });

  it('does not bring back what was withdrawn', () => {
    expect(() => plan([state([stored(VERSION, { hidden: true })])])).toThrow('was withdrawn');
  });

  it('does not take other bytes for its own', () => {
    const other = stored(VERSION, { file: plainFile('20261121.7') });
    expect(() => plan([state([other])])).toThrow(TrustError);
  });
});

describe('for any history', () => {
  const image = fc
    .record({ digit: fc.integer({ min: 0, max: 4 }), visible: fc.boolean(), hidden: fc.boolean() })
    .map(({ digit, visible, hidden }) =>
      stored(`20261121.${digit}`, { visibility: visible ? 'public' : 'private', hidden }),
    );
  const images = fc.uniqueArray(image, { selector: each => each.version });

  it('never leaves a store without a public version, and removes only what is hidden by then', () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 0, max: 3 }), (before, keep) => {
        let now: readonly StoredImage[] = before;
        const newest = before
          .filter(each => each.visibility === 'public')
          .map(each => each.version)
          .sort()
          .at(-1);
        for (const step of plan([state(before)], keep)) {
          const current = now.some(isCurrent);
          now = apply(now, step);
          if (current) expect(now.some(isCurrent)).toBe(true);
        }
        expect(now.filter(isCurrent).map(each => each.version)).toEqual([VERSION]);
        if (newest !== undefined) expect(now.map(each => each.version)).toContain(newest);
        expect(plan([state(now)], keep)).toEqual([]);
      }),
    );
  });
});

function apply(images: readonly StoredImage[], step: ReturnType<typeof plan>[number]): StoredImage[] {
  const change = (part: Partial<StoredImage>) =>
    images.map(each => (each.version === step.version ? { ...each, ...part } : each));
  if (step.action === 'upload') return [...images, stored(step.version, { visibility: 'private' })];
  if (step.action === 'publish') return change({ visibility: 'public' });
  if (step.action === 'hide') return change({ hidden: true });
  if (step.action === 'verify') return [...images];
  expect(images.find(each => each.version === step.version)?.hidden).toBe(true);
  return images.filter(each => each.version !== step.version);
}
