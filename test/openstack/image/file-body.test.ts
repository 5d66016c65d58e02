import { mkdtemp, readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileBody } from '../../../src/openstack/image/file-body.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-body-'));
  file = join(folder, 'image');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function all(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

async function descriptors(): Promise<string[]> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map(name => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter(target => target === file);
}

it('gives the bytes of a file of any size, from the start each time', async () => {
  const edge = 512 * 1024;
  const size = fc.oneof(fc.nat(3 * edge), fc.constantFrom(0, 1, edge - 1, edge, edge + 1, 2 * edge));
  await fc.assert(
    fc.asyncProperty(size, async length => {
      const content = Buffer.alloc(length, 'image factory ');
      await writeFile(file, content);
      const sent: number[] = [];
      const body = fileBody(file, length, done => sent.push(done));
      expect((await all(body())).equals(content)).toBe(true);
      expect((await all(body())).equals(content)).toBe(true);
      expect(sent.at(-1) ?? 0).toBe(length);
    }),
    { numRuns: 25 },
  );
});

it('refuses a file that is shorter or longer than it should be', async () => {
  await writeFile(file, Buffer.alloc(1000));
  for (const size of [999, 1001])
    await expect(all(fileBody(file, size, () => {})())).rejects.toThrow('its size changed');
});

it('holds the file open no longer than it is read, also when nobody reads to the end', async () => {
  await writeFile(file, Buffer.alloc(2_000_000));
  for await (const _ of fileBody(file, 2_000_000, () => {})()) {
    expect(await descriptors()).toHaveLength(1);
    break;
  }
  expect(await descriptors()).toEqual([]);
});

it('takes the memory of two pieces, whatever the size', async () => {
  const size = 64 * 1024 * 1024;
  await writeFile(file, '');
  await truncate(file, size);
  const memory = new Set<ArrayBufferLike>();
  for await (const piece of fileBody(file, size, () => {})()) memory.add(piece.buffer);
  expect(memory.size).toBe(2);
});
