import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';

const PROGRAM = resolve('elements/cache-url/bin/cache-url');
const CHANGED = new Date('2026-01-02T03:04:05Z');

let content = 'one';
let at = '';
const server = createServer((request, response) => {
  const known = request.headers['if-modified-since'];
  if (request.url !== '/file') response.writeHead(request.url === '/broken' ? 403 : 404).end('an excuse');
  else if (known !== undefined && new Date(known) >= CHANGED) response.writeHead(304).end();
  else response.writeHead(200, { 'last-modified': CHANGED.toUTCString() }).end(content);
});

beforeAll(async () => {
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise(done => server.close(done)));

const cacheUrl = (...words: string[]) => run([PROGRAM, ...words], { accept: [0, 1, 44] });

it('downloads a file, and again only what has changed or when it is told to', () =>
  inTemporary(async folder => {
    const file = join(folder, 'cache/file');
    expect((await cacheUrl(`${at}/file`, file)).status).toBe(0);
    expect(await readFile(file, 'utf8')).toBe('one');
    expect((await stat(file)).mtimeMs).toBe(CHANGED.getTime());
    content = 'two';
    await cacheUrl(`${at}/file`, file);
    expect(await readFile(file, 'utf8')).toBe('one');
    await cacheUrl('-f', `${at}/file`, file);
    expect(await readFile(file, 'utf8')).toBe('two');
  }));

it('takes a file of this machine', () =>
  inTemporary(async folder => {
    await writeFile(join(folder, 'a'), 'here');
    await cacheUrl(`file://${folder}/a`, join(folder, 'b'));
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('here');
  }));

it.each([
  ['/nothing', 44],
  ['/broken', 1],
])('leaves what is there when %s cannot be had, and says so', (path, wanted) =>
  inTemporary(async folder => {
    const file = join(folder, 'file');
    await writeFile(file, 'before');
    const { status, stderr } = await cacheUrl(`${at}${path}`, file);
    expect([status, stderr]).toEqual([wanted, expect.stringContaining(path)]);
    expect(await readFile(file, 'utf8')).toBe('before');
  }),
);
