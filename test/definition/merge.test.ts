import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeLayers, Removals } from '../../src/definition/merge.ts';
import { builtInMap, EMPTY, type MapNode, type Node, toPlain } from '../../src/definition/node.ts';

type Plain = { [key: string]: Plain } | readonly string[] | string | null;

const KEYS = ['a', 'b', 'c'];
const word = fc.constantFrom('p', 'q', 'r', 's');
const words = fc.uniqueArray(word, { maxLength: 4 });

/** Layers of one shape, as the schema has it: a and b are lists, c a scalar, m a map of the same. */
const flat = (list: fc.Arbitrary<readonly string[]>, scalar: fc.Arbitrary<string | null>) =>
  fc.record({ a: list, b: list, c: scalar }, { requiredKeys: [] });
const layerOf = (list: fc.Arbitrary<readonly string[]>, scalar: fc.Arbitrary<string | null>) =>
  fc
    .record({ a: list, b: list, c: scalar, m: flat(list, scalar) }, { requiredKeys: [] })
    .map(value => node(value as Plain) as MapNode);
const adding = layerOf(words, word);
const any = layerOf(
  fc.array(
    fc.oneof(
      word,
      word.map(each => `-${each}`),
    ),
    { maxLength: 4 },
  ),
  fc.option(word),
);

function node(value: Plain): Node {
  if (value === null) return { kind: 'scalar', value: null, text: '' };
  if (typeof value === 'string') return { kind: 'scalar', value, text: value };
  if (Array.isArray(value)) return { kind: 'list', items: value.map(node) };
  const entries = Object.entries(value).map(([key, each]) => [key, { value: node(each) }] as const);
  return { kind: 'map', entries: new Map(entries) };
}

const merged = (...layers: Node[]) => toPlain(mergeLayers(EMPTY, layers)) as Record<string, unknown>;

describe('laws', () => {
  it('what only adds may be grouped at will', () => {
    fc.assert(
      fc.property(adding, adding, adding, (x, y, z) => {
        const left = mergeLayers(EMPTY, [mergeLayers(EMPTY, [x, y]), z]);
        const right = mergeLayers(EMPTY, [x, mergeLayers(EMPTY, [y, z])]);
        expect(toPlain(left)).toEqual(toPlain(right));
      }),
    );
  });

  it('a layer said twice running changes nothing more, and an empty one nothing at all', () => {
    fc.assert(
      fc.property(any, adding, (x, y) => {
        expect(merged(x, y, EMPTY, y)).toEqual(merged(x, EMPTY, y));
      }),
    );
  });

  it('a list holds each word once, no removal, and no null is left', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 5 }), layers => {
        const values = merged(...layers);
        expect(JSON.stringify(values)).not.toMatch(/null|"-/);
        for (const key of ['a', 'b']) {
          const list = (values[key] ?? []) as string[];
          expect(new Set(list).size).toBe(list.length);
        }
      }),
    );
  });

  it('the last layer has the last word', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 4 }), word, (layers, last) => {
        expect(merged(...layers, node({ a: [last], c: last }))).toMatchObject({
          a: expect.arrayContaining([last]),
          c: last,
        });
        const without = merged(...layers, node({ a: [`-${last}`], c: null }));
        expect(without.a ?? []).not.toContain(last);
        expect(without).not.toHaveProperty('c');
      }),
    );
  });

  it('null goes back to what is built in, from any layer', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 4 }), fc.constantFrom(...KEYS), (layers, key) => {
        const base = builtInMap({ a: ['built'], b: ['in'], c: 'here' });
        const values = toPlain(mergeLayers(base, [...layers, node({ [key]: null })])) as Record<
          string,
          unknown
        >;
        expect(values[key]).toEqual((toPlain(base) as Record<string, unknown>)[key]);
      }),
    );
  });
});

it('appends in the order of the layers', () => {
  expect(merged(node({ a: ['p', 'q'] }), node({ a: ['r', 'p'] }), node({ a: ['-q', 's'] }))).toEqual({
    a: ['p', 'r', 's'],
  });
});

it('knows which removals never removed anything', () => {
  const removals = new Removals();
  const layer = node({ a: ['-p', '-z'] });
  mergeLayers(EMPTY, [node({ a: ['q'] }), layer], removals);
  mergeLayers(EMPTY, [node({ a: ['p'] }), layer], removals);
  expect(removals.idle().map(([{ text }, below]) => [text, [...below].sort()])).toEqual([['-z', ['q']]]);
});
