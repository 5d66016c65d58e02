import { expect, it } from 'vitest';
import { repositoriesOf } from '../../src/build/source-repositories.ts';

const COMMIT = 'c'.repeat(40);
const DIGEST = 'd'.repeat(64);

it('tells the commit of a git repository and the digest of a file, and no login of their addresses', () => {
  const words = [
    ...['tool', 'git', '/opt/tool', 'https://me:secret@git.example/tool', COMMIT],
    ...['data', 'tar', '/opt/data', 'http://one.example/data.tar.gz', DIGEST],
    ...['pip', 'file', '/tmp/get-pip.py', 'a/local/path', DIGEST],
  ];
  expect(repositoriesOf(words)).toEqual([
    { name: 'tool', kind: 'git', path: '/opt/tool', location: 'https://git.example/tool', commit: COMMIT },
    {
      name: 'data',
      kind: 'tar',
      path: '/opt/data',
      location: 'http://one.example/data.tar.gz',
      sha256: DIGEST,
    },
    { name: 'pip', kind: 'file', path: '/tmp/get-pip.py', location: 'a/local/path', sha256: DIGEST },
  ]);
});

it('tells nothing of nothing', () => {
  expect(repositoriesOf([])).toEqual([]);
});
