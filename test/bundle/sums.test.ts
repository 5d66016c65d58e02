import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatHashdeep, formatSums, parseSums } from '../../src/bundle/sums.ts';
import { TrustError } from '../../src/host/errors.ts';
import { digestOf } from './fixture.ts';

const exec = promisify(execFile);
// 'a.txt' before 'a/b': byte order is not the order of a tree walk.
const FILES = [
  ['z+1~2', 'z'],
  ['a/b', ''],
  ['a.txt', 'a'],
  ['B', 'b'],
  ['a/a_-1', 'deep'],
] as const;
const digests = FILES.map(([path, content]) => digestOf(path, content));

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-sums-'));
  for (const [path, content] of FILES) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(['sha256', 'sha512'] as const)('sums of %s', algorithm => {
  it('are what the tool prints for the names in the order of sort', async () => {
    const command = `LC_ALL=C sort | xargs ${algorithm}sum`;
    const printed = exec('sh', ['-c', command], { cwd: folder });
    printed.child.stdin?.end(FILES.map(([path]) => `${path}\n`).join(''));
    expect(formatSums(digests, algorithm)).toBe((await printed).stdout);
  });

  it('are read as they were written', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_+][A-Za-z0-9._+~-]{0,9}$/);
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(names => names.join('/'));
    const file = fc.tuple(path, fc.string()).map(([each, content]) => digestOf(each, content));
    const files = fc.uniqueArray(file, { selector: each => each.path });
    fc.assert(
      fc.property(files, each => {
        const sums = parseSums(formatSums(each, algorithm), algorithm, 'SUMS');
        expect(new Map(each.map(({ path: of, [algorithm]: digest }) => [of, digest]))).toEqual(sums);
      }),
    );
  });

  it('are taken in no other form than the one in which they are written', () => {
    const text = formatSums(digests, algorithm);
    const place = fc.nat(text.length - 1);
    const change = fc.constantFrom('', '\n', ' ', '\\', '\r', '*', 'A', '0', '/', '..', '\u0000');
    fc.assert(
      fc.property(place, change, (at, inserted) => {
        const changed = text.slice(0, at) + inserted + text.slice(at + 1);
        let sums: Map<string, string>;
        try {
          sums = parseSums(changed, algorithm, 'SUMS');
        } catch (error) {
          expect(error).toBeInstanceOf(TrustError);
          return;
        }
        const files = [...sums].map(([path, digest]) => ({ path, size: 0, sha256: digest, sha512: digest }));
        expect(formatSums(files, algorithm)).toBe(changed);
      }),
    );
  });
});

const D = 'a'.repeat(64);

it.each([
  ['a line without its end', `${D}  a`, /whole line/],
  ['an empty line', `${D}  a\n\n`, /line 2/],
  ['a digest of another length', `${D}aa  a\n`, /line 1/],
  ['capitals', `${D.toUpperCase()}  a\n`, /line 1/],
  ['the mark of binary mode', `${D} *a\n`, /line 1/],
  ['an escaped name', `\\${D}  a\\n\n`, /line 1/],
  ['a comment', `# hi\n${D}  a\n`, /line 1/],
  ['two lines for one file', `${D}  a\n${D}  a\n`, /line 2/],
  ['another order', `${D}  b\n${D}  a\n`, /line 2/],
  ['a way out', `${D}  ../a\n`, /line 1/],
  ['an absolute path', `${D}  /etc/passwd\n`, /line 1/],
])('refuses %s, and names the line', (_what, text, told) => {
  expect(() => parseSums(text, 'sha256', 'SHA256SUMS')).toThrow(told);
  expect(() => parseSums(text, 'sha256', 'SHA256SUMS')).toThrow(TrustError);
});

it('gives hashdeep a list that passes its audit, and fails it when a file changes', async () => {
  await writeFile(join(folder, 'hashdeep.txt'), formatHashdeep(digests));
  // As the head of the file itself tells.
  const command = formatHashdeep(digests).match(/^## \$ (.*)$/m)?.[1] ?? 'false';
  const audit = () => exec('sh', ['-c', command], { cwd: folder }).catch(error => error);
  expect((await audit()).stdout).toMatch(/Audit passed/);
  await writeFile(join(folder, 'B'), 'c');
  expect((await audit()).stdout).toMatch(/Audit failed/);
});
