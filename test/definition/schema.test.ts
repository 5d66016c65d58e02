import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { publishedSchema } from '../../src/definition/schema.ts';

it('is published as it is: after a change, run `npx vitest run -u test/definition/schema.test.ts`', async () => {
  await expect(publishedSchema()).toMatchFileSnapshot('../../factory.schema.json');
});

const published = z.fromJSONSchema(JSON.parse(publishedSchema()));

it.each(['examples/debian/factory.yaml', 'examples/lines/factory.yaml'])('accepts %s', async file => {
  expect(published.safeParse(parse(await readFile(file, 'utf8'))).error).toBeUndefined();
});

it.each([
  'imags: {}',
  'images: {Debian: {}}',
  'images: {debian: {releases: 13}}',
  'images: {debian: {forms: [vhd]}}',
  'distributions: {debain: {}}',
  'defaults: {verify: {boot: 30}}',
])('refuses %s', text => {
  expect(published.safeParse(parse(text)).success).toBe(false);
});
