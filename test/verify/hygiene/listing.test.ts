import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CheckError } from '../../../src/host/errors.ts';
import { decodeName } from '../../../src/image/read/names.ts';
import { listing, readListing } from '../../../src/verify/hygiene/listing.ts';

let root = '';

beforeAll(async () => {
  root = await mkdtemp('/tmp/image-factory-listing-');
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function listed() {
  const { stdout } = await promisify(execFile)('sh', ['-c', listing(`echo ${root}`)]);
  return readListing(stdout);
}

it('reads what find tells, whatever the names are', async () => {
  await mkdir(join(root, 'a b'));
  await chmod(join(root, 'a b'), 0o1777);
  await writeFile(join(root, 'a b', 'tab\tline\nend'), 'four');
  await chmod(join(root, 'a b', 'tab\tline\nend'), 0o4755);
  await symlink('no where', join(root, 'link'));
  const odd = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x41])]);
  await writeFile(odd, '');
  const found = new Map((await listed()).map(each => [each.path, each]));
  expect(found.get(join(root, 'a b'))).toMatchObject({ type: 'directory', mode: 0o1777 });
  expect(found.get(join(root, 'a b', 'tab\tline\nend'))).toMatchObject({
    ...{ type: 'file', mode: 0o4755, size: 4, links: 1, uid: process.getuid?.() },
    changed: expect.closeTo(Date.now() / 1000, -2),
  });
  expect(found.get(join(root, 'link'))).toMatchObject({ type: 'symlink', target: 'no where' });
  expect(found.has(decodeName(odd))).toBe(true);
});

it.each(['', 'not base64 at all', Buffer.from('f\x344\0').toString('base64')])('refuses %j', text => {
  expect(() => readListing(text)).toThrow(CheckError);
});

it('refuses what find would not say', () => {
  const text = ['?', '644', '0', '0', 'x', '1', '0', '', 'etc'].map(each => `${each}\0`).join('');
  expect(() => readListing(Buffer.from(text).toString('base64'))).toThrow(/in a way that is not known/);
});
