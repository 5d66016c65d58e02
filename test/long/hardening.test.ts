import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { run } from '../end-to-end/program.ts';

const NAME = 'debian-12';

let work = '';
let factory = '';
let bundle = '';

beforeAll(async () => {
  work = await mkdtemp('/var/tmp/image-factory-hardening-');
  factory = join(work, 'factory.yaml');
  const line = { elements: ['hardening'], verify: { boot: '30m' } };
  await writeFile(factory, stringify({ images: { [NAME]: line } }));
  const { status, output } = await run(['build', '--factory', factory, '--output', join(work, 'out')]);
  expect(status, output).toBe(0);
  const folder = join(work, 'out', NAME);
  bundle = join(folder, (await readdir(folder)).find(name => name.endsWith('-amd64')) ?? '');
});

afterAll(() => rm(work, { recursive: true, force: true }));

it.each(['bios', 'uefi'])(
  'a hardened image boots under %s, and passes what any other does',
  async firmware => {
    const { status, output } = await run(['verify', '--factory', factory, '--firmware', firmware, bundle]);
    expect(status, output).toBe(0);
  },
);
