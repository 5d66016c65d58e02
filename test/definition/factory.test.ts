import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CHECKS } from '../../src/definition/builtin.ts';
import { loadFactory } from '../../src/definition/factory.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { line, linesOf, load, mistakesOf, temporaryFolder } from './support.ts';

const DEBIAN = 'images: {debian: {releases: [13]}}';

describe('the smallest useful file', () => {
  it('gives one line with everything built in', async () => {
    const { factory } = await load(DEBIAN);
    expect(factory.images).toEqual([
      {
        name: 'debian-13',
        title: 'Debian 13',
        distribution: 'debian',
        release: '13',
        architecture: 'amd64',
        elements: [],
        packages: [],
        documentation: 'none',
        environment: {},
        disk: {
          ...{ layout: 'gpt-hybrid', filesystem: 'ext4', partitions: {}, compression: 'zstd' },
          ...{ reserve: 0, journal: 64 * 1024 ** 2 },
        },
        forms: ['qcow2', 'raw'],
        mirror: {},
        rebuild: { when: ['security', 'packages', 'definition'] },
        user: { name: 'debian', sudo: 'nopasswd', sshKeys: [] },
        hardening: { except: {} },
        repositories: [],
        verify: { checks: [...DEFAULT_CHECKS], boot: 300_000, memory: 1024 ** 3, cpus: 2 },
      },
    ]);
  });

  it('goes through staging to production, with no key of its own', async () => {
    const { factory } = await load(DEBIAN);
    const store = (name: string) => ({
      kind: 'directory',
      path: `stores/${name}`,
      name: `directory:stores/${name}`,
    });
    expect(factory.stages).toEqual([
      { name: 'staging', stores: [store('staging')], checks: [...DEFAULT_CHECKS] },
      { name: 'production', needs: 'staging', stores: [store('production')], checks: [...DEFAULT_CHECKS] },
    ]);
    expect(factory.signing).toEqual({ fingerprints: { verify: [], release: [], layers: [] } });
    expect(factory.retention).toEqual({ keep: 3 });
  });
});

describe('inheritance', () => {
  const FILE = `
defaults: {owner: a, packages: [p1, p2], verify: {cpus: 1}, environment: {A: 1.10, B: keep}}
distributions: {debian: {owner: b, packages: [p3], verify: {memory: 2GiB}}}
images:
  debian: {releases: [12, 13], owner: c, packages: [-p1], variants: [gpu]}
  debian-13: {owner: d, packages: [p4]}
  debian-13-gpu: {environment: {B: null}, verify: {cpus: null}}
variants: {gpu: {owner: e, packages: [p5, -p4]}}
`;

  it.each([
    ['debian-12', 'c', ['p2', 'p3']],
    ['debian-12-gpu', 'e', ['p2', 'p3', 'p5']],
    ['debian-13', 'd', ['p2', 'p3', 'p4']],
    ['debian-13-gpu', 'e', ['p2', 'p3', 'p5']],
  ])('%s: defaults < distribution < image < line < variant', async (name, owner, packages) => {
    expect(await line(FILE, name)).toMatchObject({ owner, packages });
  });

  it('merges maps, and keeps the text of a value as it was written', async () => {
    const plain = await line(FILE, 'debian-13');
    expect(plain.environment).toEqual({ A: '1.10', B: 'keep' });
    expect(plain.verify).toMatchObject({ cpus: 1, memory: 2 * 1024 ** 3 });
  });

  it('goes back to what is built in by null', async () => {
    const variant = await line(FILE, 'debian-13-gpu');
    expect(variant.environment).toEqual({ A: '1.10' });
    expect(variant.verify.cpus).toBe(2);
  });

  it('adds checks to the built-in ones and takes them away, but a form said replaces the built-in forms', async () => {
    const found = await line(
      'images: {debian: {releases: [13], forms: [raw], verify: {checks: [-console, ssh]}}}',
      'debian-13',
    );
    expect(found.forms).toEqual(['raw']);
    expect(found.verify.checks).toEqual(DEFAULT_CHECKS.filter(check => check !== 'console'));
    const taken = await line('images: {debian: {releases: [13], forms: [-raw]}}', 'debian-13');
    expect(taken.forms).toEqual(['qcow2']);
  });

  it('takes a line on its own, an image by another name, and a release in quotes', async () => {
    const { factory } = await load(
      'images: {debian-13: {variants: [lab]}, web: {distribution: debian, releases: ["12"], title: Web}}\nvariants: {lab: {packages: [a]}}',
    );
    expect(factory.images.map(({ name, title }) => [name, title])).toEqual([
      ['debian-13', 'Debian 13'],
      ['debian-13-lab', 'Debian 13 lab'],
      ['web-12', 'Web 12'],
    ]);
  });

  it('lays included files under the one that includes them, each once', async () => {
    const { factory } = await load(
      'include: [a.yaml, sub/b.yaml, sub/c.yaml]\nimages: {debian: {releases: [13], packages: [-p]}}',
      {
        'a.yaml': 'include: [sub/c.yaml]\ndefaults: {packages: [p, q], owner: a}',
        'sub/b.yaml': 'include: [c.yaml]\ndefaults: {owner: b}',
        'sub/c.yaml': 'defaults: {packages: [c], owner: c}',
      },
    );
    expect(factory.images[0]).toMatchObject({ packages: ['c', 'q'], owner: 'b' });
  });

  it('knows anchors, aliases and merge keys', async () => {
    const found = await line(
      'defaults: {disk: &d {reserve: 1GiB, journal: 8MiB}}\nvariants: {v: {disk: {<<: *d, reserve: 2GiB}}}\nimages: {debian-12: {variants: [v]}}',
      'debian-12-v',
    );
    expect(found.disk).toMatchObject({ reserve: 2 * 1024 ** 3, journal: 8 * 1024 ** 2 });
  });
});

it('an image or a line that says nothing is there with everything built in', async () => {
  const { factory } = await load('images:\n  debian-12:\n  debian: {releases: [12]}');
  expect(factory.images.map(({ name }) => name)).toEqual(['debian-12']);
  expect((await load('images:\n  debian-13:')).factory.images.map(({ name }) => name)).toEqual(['debian-13']);
});

describe('stages, retention and signing', () => {
  it('orders stages by need, names their stores plainly and merges their checks', async () => {
    const { factory } = await load(
      `${DEBIAN}\nstages: {production: {needs: canary}, canary: {needs: staging, stores: ["directory:./x//y/"], checks: [-console]}}`,
    );
    expect(factory.stages.map(({ name, needs }) => [name, needs])).toEqual([
      ['staging', undefined],
      ['canary', 'staging'],
      ['production', 'canary'],
    ]);
    expect(factory.stages[1]?.stores).toEqual([{ kind: 'directory', path: 'x/y', name: 'directory:x/y' }]);
    expect(factory.stages[1]?.checks).not.toContain('console');
  });

  it('gives the fingerprints of both roles to each, in upper case, and finds a key file beside the factory file', async () => {
    const [a, b, c] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)];
    const { factory } = await load(
      `${DEBIAN}\nsigning: {fingerprints: [${a}], verify: [${b}], layers: [${c}], key: file:keys/k.asc}`,
    );
    expect(factory.signing.fingerprints).toEqual({
      verify: ['A'.repeat(40), 'B'.repeat(40)],
      release: ['A'.repeat(40)],
      layers: ['C'.repeat(40)],
    });
    expect(factory.signing.key).toBe(`file:${resolve('keys/k.asc')}`);
  });
});

describe('elements', () => {
  it('are looked for beside the factory file first, then among the built-in ones', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'elements/mine'), { recursive: true });
    await mkdir(join(folder, 'builtin/theirs'), { recursive: true });
    const file = join(folder, 'factory.yaml');
    const more = [join(folder, 'more')];
    const options = { builtinElements: join(folder, 'builtin'), moreElements: more };
    await writeFile(file, 'images: {debian: {releases: [13], elements: [mine, theirs]}}');
    const factory = await loadFactory(file, options);
    expect(factory.elementPaths).toEqual([join(folder, 'elements'), join(folder, 'builtin'), ...more]);
    expect(factory.file).toBe(file);
    await writeFile(file, 'images: {debian: {releases: [13], elements: [theirz]}}');
    expect(await linesOf(loadFactory(file, options))).toEqual([
      expect.stringMatching(/factory\.yaml:1:\d+: there is no element theirz.*did you mean theirs\?/),
    ]);
  });
});

describe('files that cannot be read', () => {
  const options = { builtinElements: '/nonexistent' };

  it('are told by what is wrong with them', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'latin1.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
    expect(await linesOf(loadFactory(join(folder, 'no.yaml'), options))).toEqual([
      expect.stringContaining('is not there'),
    ]);
    expect(await linesOf(loadFactory(folder, options))).toEqual([expect.stringContaining('is a directory')]);
    expect(await linesOf(loadFactory(join(folder, 'latin1.yaml'), options))).toEqual([
      expect.stringContaining('not UTF-8'),
    ]);
  });

  it('are told at the line that includes them', async () => {
    expect(await mistakesOf(`${DEBIAN}\ninclude: [a.yaml, /b.yaml]`)).toEqual([
      'factory.yaml:2:11: a.yaml is not there, expected the path of a factory file',
      'factory.yaml:2:19: include: /b.yaml is absolute, expected a path relative to the file that names it',
    ]);
  });

  it('may not include themselves', async () => {
    expect(await mistakesOf('include: [a.yaml]', { 'a.yaml': 'include: [factory.yaml]' })).toEqual([
      expect.stringMatching(/^a\.yaml:1:11: factory\.yaml includes itself/),
    ]);
  });
});

const BOMB = Array.from(
  { length: 10 },
  (_, i) =>
    `  a${i}: &a${i} [${Array(9)
      .fill(i === 0 ? 'x' : `*a${i - 1}`)
      .join()}]`,
).join('\n');

describe('junk', () => {
  const outcome = async (text: string) => {
    try {
      return (await load(text)).factory.images.length > 0;
    } catch (error) {
      return (
        error instanceof DefinitionError &&
        error.message.split('\n').every(each => /^factory\.yaml:\d+:\d+: ./.test(each))
      );
    }
  };
  const key = fc.constantFrom(
    'images',
    'debian',
    'debian-13',
    'defaults',
    'releases',
    'variants',
    'v',
    'stages',
    'needs',
    'forms',
    'checks',
    'verify',
    'environment',
    'signing',
    'disk',
    'distribution',
    'elements',
    '__proto__',
    'constructor',
  );
  const scalar = fc.oneof(
    fc.constantFrom(
      '13',
      '12',
      '-13',
      '~',
      '26.10',
      '*a',
      '&a x',
      'debian',
      '512MiB',
      'v',
      '-v',
      '.nan',
      '1e999',
      '""',
    ),
    fc.integer().map(String),
  );
  const { flow } = fc.letrec<{ flow: string }>(tie => ({
    flow: fc.oneof(
      { maxDepth: 6 },
      scalar,
      fc.array(tie('flow'), { maxLength: 3 }).map(items => `[${items.join(', ')}]`),
      fc
        .array(fc.tuple(key, tie('flow')), { maxLength: 4 })
        .map(pairs => `{${pairs.map(pair => pair.join(': ')).join(', ')}}`),
    ),
  }));

  it('is refused with a place, or understood, whatever the text', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), outcome), {
      numRuns: 300,
    });
  });

  it('is refused with a place, or understood, whatever the words', async () => {
    await fc.assert(fc.asyncProperty(flow, outcome), { numRuns: 600 });
    const file = fc.array(fc.tuple(key, flow), { maxLength: 5 });
    const text = file.map(pairs => [DEBIAN, ...pairs.map(([name, value]) => `${name}: ${value}`)].join('\n'));
    await fc.assert(fc.asyncProperty(text, outcome), { numRuns: 600 });
  });

  it.each([
    ['deep', '['.repeat(20_000), /nested too deep/],
    ['deep and closed', `images: ${'['.repeat(200)}${']'.repeat(200)}`, /nested too deep/],
    ['aliases of aliases', `defaults:\n${BOMB}`, /multiply into too many values/],
    ['an alias of itself', 'images: &a {debian: *a}', /\*a holds itself/],
    [
      'an unknown alias',
      'defaults: &abc {}\nimages: *abd',
      /no anchor &abd stands before.*did you mean abc\?/,
    ],
    ['a merge of no map', 'images: {<<: 3}', /the merge key << takes a map/],
    ['large', `# ${'x'.repeat(2 ** 20)}`, /too large/],
    ['YAML 1.1', `%YAML 1.1\n---\n${DEBIAN}`, /YAML 1\.1/],
    ['two documents', `${DEBIAN}\n---\n${DEBIAN}`, /second YAML document/],
    ['a tag', 'images: !!python/object {}', /Unresolved tag/],
    ['a key that is a list', '? [a]\n: b\n', /cannot be a key/],
    ['prototypes', '__proto__: {images: {}}', /cannot be a key/],
    ['a word and a number', '{13: a, "13": b}', /stands twice/],
  ])('is refused: %s', async (_name, text, mistake) => {
    const lines = await mistakesOf(text);
    expect(lines.some(each => mistake.test(each))).toBe(true);
    expect(lines.every(each => /^factory\.yaml:\d+:\d+: ./.test(each))).toBe(true);
  });
});

describe('repositories', () => {
  const FILE = `
repositories:
  gpu: {apt: "https://gpu.example/{distribution}{release}/", suite: /, key: gpu.asc, fingerprint: ${'ab'.repeat(20)}, pin: 400, image: keep}
  own: {apt: "http://own.example/{codename}", suite: "{codename}", key: own.asc, fingerprint: ${'cd'.repeat(20)}, credentials: OWN}
images:
  debian: {releases: [12], variants: [gpu], repositories: [own]}
variants: {gpu: {repositories: [gpu, -own]}}
`;
  const own = {
    name: 'own',
    uri: 'http://own.example/bookworm',
    suite: 'bookworm',
    components: ['main'],
    key: 'own.asc',
    fingerprint: 'CD'.repeat(20),
    image: 'remove',
    credentials: 'OWN',
  };

  it('are named by a line, and have its release in their addresses', async () => {
    expect((await line(FILE, 'debian-12')).repositories).toEqual([own]);
  });

  it('come with a variant, and go with it', async () => {
    expect((await line(FILE, 'debian-12-gpu')).repositories).toEqual([
      {
        name: 'gpu',
        uri: 'https://gpu.example/debian12',
        suite: '/',
        components: [],
        key: 'gpu.asc',
        fingerprint: 'AB'.repeat(20),
        pin: 400,
        image: 'keep',
      },
    ]);
  });
});
