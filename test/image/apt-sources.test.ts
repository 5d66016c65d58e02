import { expect, test } from 'vitest';
import { parseAptSources } from '../../src/image/apt-sources.ts';

const uris = (path: string, text: string) => parseAptSources(path, text).flatMap(each => each.uris);

test('reads the one-line form, with its options', () => {
  const [source, ...more] = parseAptSources(
    '/etc/apt/sources.list',
    '# deb http://no.example x main\ndeb [arch=amd64 trusted=yes] http://m.example/debian bookworm main contrib # all\n',
  );
  expect(more).toEqual([]);
  expect(source).toMatchObject({
    ...{ uris: ['http://m.example/debian'], suites: ['bookworm'], components: ['main', 'contrib'] },
  });
  expect(source?.options.get('trusted')).toBe('yes');
});

test('reads deb822, with lists, continued lines and what is switched off', () => {
  const text = `# a comment
Types: deb
URIs: http://a.example http://b.example
Suites: x y
Components: main
 non-free
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
Enabled: no
URIs: http://off.example
Suites: x
`;
  const [source, ...more] = parseAptSources('/etc/apt/sources.list.d/x.sources', text);
  expect(more).toEqual([]);
  expect(source).toMatchObject({
    uris: ['http://a.example', 'http://b.example'],
    suites: ['x', 'y'],
    components: ['main', 'non-free'],
  });
  expect(source?.options.get('signed-by')).toContain('PGP PUBLIC KEY');
});

test('the name of the file tells the form', () => {
  expect(uris('/x.list', 'deb http://m.example x main')).toEqual(['http://m.example']);
  expect(uris('/x.sources', 'deb http://m.example x main')).toEqual([]);
});
