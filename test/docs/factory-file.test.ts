import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLOUD_CHECKS, DEFAULT_CHECKS, OPTIONAL_CHECKS } from '../../src/definition/builtin.ts';
import { publishedSchema } from '../../src/definition/schema.ts';
import { line, load } from '../definition/support.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/factory-file.md'), 'utf8');

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
}

const root = JSON.parse(publishedSchema()) as Schema;

/** Paths of all keys that the schema knows; a name that the user chooses is NAME. */
function keysOf(schema: Schema, path = ''): string[] {
  const { $ref, anyOf = [], properties = {}, additionalProperties } = schema;
  const named = $ref === undefined ? undefined : root.$defs?.[$ref.slice('#/$defs/'.length)];
  return [
    ...(named === undefined ? [] : keysOf(named, path)),
    ...anyOf.flatMap(each => keysOf(each, path)),
    ...Object.entries(properties).flatMap(([key, each]) => [
      `${path}${key}`,
      ...keysOf(each, `${path}${key}.`),
    ]),
    ...(typeof additionalProperties === 'object' ? keysOf(additionalProperties, `${path}NAME.`) : []),
  ];
}

/** The page tells the settings of an image once, whichever layer they stand in. */
const inPage = (path: string) => path.replace(/^(defaults|(distributions|images|variants)\.NAME)\./, '');

const rows = [...page.matchAll(/^\| `([^`]+)` \| (.+?) \| (.*?) ?\|$/gm)].map(
  ([, key = '', meaning = '', byDefault = '']) => ({ key, meaning, byDefault }),
);

describe('docs/factory-file.md', () => {
  it('has every key of the schema once, and no other', () => {
    const all = keysOf(root);
    const [top, below] = [all.filter(key => !key.includes('.')), all.filter(key => key.includes('.'))];
    const keys = [...top, ...new Set(below.map(inPage))].sort();
    expect(keys.length).toBeGreaterThan(30);
    expect(rows.map(row => row.key).sort()).toEqual(keys);
  });

  it('says of each key what it is, in a sentence', () => {
    for (const { key, meaning } of rows) expect(meaning, key).toMatch(/^[A-Z`].*\S\.$|^[A-Z].*: .+\.$/);
  });

  it('names the checks that there are', () => {
    expect(page).toContain(`The checks: ${DEFAULT_CHECKS.join(', ')}.`);
    expect(page).toContain(`and is always: ${CLOUD_CHECKS.join(', ')}.`);
    expect(page).toContain(`To be asked for by name: ${OPTIONAL_CHECKS.join(', ')}.`);
  });

  it('tells the defaults that a line has', async () => {
    const { disk, verify, user, forms } = await line('images: {debian: {releases: [13]}}', 'debian-13');
    const told = (key: string) => rows.find(row => row.key === key)?.byDefault;
    expect(told('disk.layout')).toBe(disk.layout);
    expect(told('disk.filesystem')).toBe(disk.filesystem);
    expect(told('disk.compression')).toBe(disk.compression);
    expect(told('disk.reserve')).toBe(String(disk.reserve));
    expect(told('disk.journal')).toBe(`${disk.journal / 1024 ** 2}MiB`);
    expect(told('verify.boot')).toBe(`${verify.boot / 1000}s`);
    expect(told('verify.memory')).toBe(`${verify.memory / 1024 ** 3}GiB`);
    expect(told('verify.cpus')).toBe(String(verify.cpus));
    expect(told('user.name')).toBe(`the distribution's: ${user.name}`);
    expect([told('forms'), forms]).toEqual(['qcow2, raw †', ['qcow2', 'raw']]);
    const { factory } = await load('images: {debian: {releases: [13]}}');
    expect(told('retention.keep')).toBe(String(factory.retention.keep));
  });

  it('has examples that load, and mean what it says', async () => {
    const [smallest = '', example = ''] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
      found => found[1],
    );
    expect((await load(smallest)).factory.images.map(({ name }) => name)).toEqual(['debian-13']);
    const { factory } = await load(example);
    const lab = factory.images.find(({ name }) => name === 'debian-13-lab');
    expect(lab?.packages).toEqual(['tmux', 'tcpdump']);
    const production = factory.stages.find(({ name }) => name === 'production');
    expect(production?.checks).toEqual(DEFAULT_CHECKS.filter(name => name !== 'resolver'));
  });
});
