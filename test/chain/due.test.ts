import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Change, ENGINE } from '../../src/build/inputs.ts';
import { bundlePath, type Preparation } from '../../src/build/prepare.ts';
import type { Manifest } from '../../src/bundle/types.ts';
import { build, prepareLine } from '../../src/chain/build.ts';
import { INPUTS_PROPERTY, StoreShelf } from '../../src/chain/builds.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { judge, whatIsDue } from '../../src/chain/due.ts';
import { plan } from '../../src/chain/plan.ts';
import type { Factory, ImageLine, Rebuild } from '../../src/definition/types.ts';
import { TestMirror } from '../build/archive/mirror.ts';
import { recordingContext } from '../host/support.ts';
import { openStore, temporary } from '../promote/fixture.ts';
import { manifest as fixture } from '../report/fixture.ts';

const DAY = 86_400_000;
const NOW = new Date('2026-11-21T12:00:00Z');

describe('what is due', () => {
  let folder: string;
  let mirror: TestMirror;

  beforeEach(async () => {
    folder = await temporary();
    mirror = await TestMirror.open();
    offer({ apt: '1', bash: '5.1' });
    for (const suite of ['bookworm-updates', 'bookworm-security']) {
      mirror.suites[suite] = { date: 'Sun, 01 Nov 2026 00:00:00 UTC', packages: [] };
    }
    await write('packages: [bash]');
  });

  afterEach(async () => {
    mirror.close();
    await rm(folder, { recursive: true, force: true });
  });

  function offer(versions: Readonly<Record<string, string>>, suite = 'bookworm'): void {
    const packages = Object.entries(versions).map(([Package, Version]) => ({ Package, Version }));
    mirror.suites[suite] = { date: 'Sun, 01 Nov 2026 00:00:00 UTC', packages };
  }

  const file = () => join(folder, 'factory.yaml');
  const write = (settings: string) =>
    writeFile(file(), `images:\n  debian:\n    releases: [12]\n    ${settings}\n`);
  const context = () =>
    recordingContext({ env: { XDG_CACHE_HOME: join(folder, 'cache') }, now: () => NOW }).context;

  async function prepared(): Promise<{ factory: Factory; line: ImageLine; preparation: Preparation }> {
    const { factory } = await readDefinition(context(), file());
    const [line] = factory.images;
    if (line === undefined) throw new Error('no line');
    return {
      factory,
      line,
      preparation: await prepareLine(context(), factory, line, `${mirror.base}/debian`),
    };
  }

  /** A bundle that says it was made from what is there now. */
  async function built(version: string, builtAt = NOW): Promise<Manifest> {
    const { line, preparation } = await prepared();
    const { inputs, inputDigest } = preparation;
    const manifest: Manifest = {
      ...fixture,
      ...{ version, builtAt: builtAt.toISOString(), line, inputDigest },
      ...{ elements: inputs.elements, packages: inputs.packages, toolsTree: inputs.toolsTree },
      builder: { ...fixture.builder, engine: ENGINE },
    };
    const core = join(bundlePath(folder, line, version), 'core');
    await mkdir(core, { recursive: true });
    await writeFile(join(core, 'manifest.json'), JSON.stringify(manifest));
    return manifest;
  }

  async function promoted(manifest: Manifest): Promise<void> {
    for (const stage of ['staging', 'production']) {
      const store = await openStore(join(folder, 'stores', stage));
      const source = join(folder, 'disk.raw');
      await writeFile(source, manifest.version);
      const properties = { [INPUTS_PROPERTY]: manifest.inputDigest };
      const { sha256, sha512 } = await digests(source);
      const stored = await store.upload({
        ...{ line: 'debian-12', version: manifest.version, source, properties },
        file: { path: 'disk.raw', size: manifest.version.length, sha256, sha512, form: 'raw' },
      });
      await store.change(stored.id, { visibility: 'public' });
    }
  }

  async function digests(path: string) {
    const content = await readFile(path);
    const of = (name: string) => createHash(name).update(content).digest('hex');
    return { sha256: of('sha256'), sha512: of('sha512') };
  }

  const due = async (force = false, stores = new StoreShelf()) => {
    const { factory, line, preparation } = await prepared();
    return whatIsDue(context(), { factory, line, output: folder, force, stores }, preparation);
  };

  it('is a line that was never built', async () =>
    expect(await due()).toMatchObject({ state: 'new', build: true, reason: 'never built here' }));

  it('is the rest of the chain for one that was built and not promoted', async () => {
    await built('20261120.1');
    expect(await due()).toMatchObject({
      state: 'unfinished',
      build: false,
      latest: { manifest: { version: '20261120.1' } },
    });
  });

  it('is nothing for one that was promoted, unless it is forced', async () => {
    await promoted(await built('20261120.1'));
    expect(await due()).toMatchObject({
      state: 'unchanged',
      build: false,
      reason: '20261120.1: nothing changed since it was promoted',
    });
    expect(await due(true)).toMatchObject({ state: 'forced', build: true });
  });

  it('is told of many lines by what was read of the stores once', async () => {
    const build = await built('20261120.1');
    await promoted(build);
    const stores = new StoreShelf();
    expect(await due(false, stores)).toMatchObject({ state: 'unchanged' });
    await rm(join(folder, 'stores'), { recursive: true });
    expect(await due(false, stores)).toMatchObject({ state: 'unchanged' });
    expect(await due()).toMatchObject({ state: 'unfinished' });
  });

  it('a build skips what was promoted, and goes on with what was only built', async () => {
    const request = { factory: file(), output: folder, mirror: `${mirror.base}/debian`, job: 'test' };
    const layers = { cold: true, layers: 1, layerAge: 1, force: false, installTools: false };
    const manifest = await built('20261120.1');
    const bundle = join(folder, 'debian-12/20261120.1-amd64');
    expect(await build(context(), { ...request, ...layers })).toMatchObject({
      ...{ outcome: 'kept', version: '20261120.1', bundle: { bundle, manifest } },
      reason: '20261120.1 is built already: going on with it',
    });
    await promoted(manifest);
    const skipped = { outcome: 'skipped', reason: '20261120.1: nothing changed since it was promoted' };
    expect(await build(context(), { ...request, ...layers })).toMatchObject({
      ...skipped,
      bundle: { bundle },
    });
    await rm(join(folder, 'debian-12'), { recursive: true });
    const elsewhere = await build(context(), { ...request, ...layers });
    expect(elsewhere).toEqual({ ...skipped, image: 'debian-12', version: '20261120.1' });
  });

  it('is nothing where only the stores remember the build', async () => {
    const manifest = await built('20261120.1');
    await promoted(manifest);
    await rm(join(folder, 'debian-12'), { recursive: true });
    expect(await due()).toMatchObject({ state: 'unchanged', version: '20261120.1' });
    offer({ apt: '1', bash: '5.2' });
    expect(await due()).toMatchObject({ state: 'new', build: true });
  });

  it('is a build when a package, a security update, a setting or an element changed, and it says which', async () => {
    await promoted(await built('20261120.1'));
    offer({ apt: '1', bash: '5.2' });
    expect((await due()).reason).toBe('since 20261120.1: bash 5.1 -> 5.2');
    offer({ bash: '5.3' }, 'bookworm-security');
    expect((await due()).reason).toBe('since 20261120.1: bash (security) 5.1 -> 5.3');
    offer({}, 'bookworm-security');
    offer({ apt: '1', bash: '5.1' });
    await write('packages: [bash]\n    environment: { A: 1 }');
    expect((await due()).reason).toBe('since 20261120.1: definition environment {} -> {"A":"1"}');
    await mkdir(join(folder, 'elements/site'), { recursive: true });
    await write('packages: [bash]\n    elements: [site]');
    expect((await due()).reason).toContain('element site is new');
  });

  it('is not, when the line says that such a change is not enough, or too early', async () => {
    const rebuild = (words: string) => write(`packages: [bash]\n    rebuild: ${words}`);
    await rebuild('{ when: [-packages] }');
    await promoted(await built('20261120.1', new Date(NOW.getTime() - 5 * DAY)));
    offer({ apt: '1', bash: '5.2' });
    expect(await due()).toMatchObject({ state: 'waiting', build: false });
    offer({ bash: '5.3' }, 'bookworm-security');
    expect(await due()).toMatchObject({ state: 'changed', build: true });
    await rebuild('{ every: 7d }');
    expect(await due()).toMatchObject({
      state: 'waiting',
      reason: expect.stringContaining('at most once in 7 days'),
    });
    await rebuild('{ every: 3d }');
    expect(await due()).toMatchObject({ state: 'changed' });
  });

  it('is a build after a while, even if nothing changed', async () => {
    await write('packages: [bash]\n    rebuild: { anyway: 30d }');
    await promoted(await built('20261020.1', new Date(NOW.getTime() - 31 * DAY)));
    expect(await due()).toMatchObject({ state: 'old', build: true });
    await promoted(await built('20261119.1', new Date(NOW.getTime() - 2 * DAY)));
    expect(await due()).toMatchObject({ state: 'unchanged' });
  });

  describe('in a plan', () => {
    const request = { images: [], changed: true, force: false };
    const planned = (more = {}) =>
      plan(context(), {
        ...request,
        factory: file(),
        output: folder,
        mirror: `${mirror.base}/debian`,
        ...more,
      });

    it('leaves out what has not changed, and says why', async () => {
      expect((await planned()).matrices).toMatchObject([{ include: [{ image: 'debian-12' }] }]);
      await promoted(await built('20261120.1'));
      const result = await planned();
      expect(result.matrices.flatMap(({ include }) => include)).toEqual([]);
      expect(result.due).toMatchObject([{ image: 'debian-12', due: false, changes: [] }]);
      expect((await planned({ force: true })).due).toMatchObject([{ due: true }]);
    });

    it('tells each change', async () => {
      await promoted(await built('20261120.1'));
      offer({ apt: '2', bash: '5.2' });
      expect((await planned()).due[0]?.changes).toEqual(['apt 1 -> 2', 'bash 5.1 -> 5.2']);
    });

    it('asks no mirror when nobody asks what changed', async () => {
      expect((await planned({ changed: false })).due).toEqual([]);
      expect(mirror.asked).toEqual([]);
    });

    it('asks the archive once, whatever the number of lines', async () => {
      const names = Array.from({ length: 300 }, (_, index) => `v${index}`);
      const variants = names.map(name => `  ${name}: { environment: { N: ${name} } }\n`).join('');
      await writeFile(
        file(),
        `images:\n  debian: { releases: [12], variants: [${names.join(', ')}] }\nvariants:\n${variants}`,
      );
      expect((await planned()).due).toHaveLength(301);
      expect(mirror.asked).toHaveLength(6);
    });
  });
});

describe('judge', () => {
  const latest = { bundle: '/b', manifest: fixture };
  const kinds = ['security', 'package', 'definition', 'element', 'engine'] as const;
  const change = fc
    .constantFrom(...kinds)
    .map((kind): Change => ({ kind, what: 'x', before: '1', now: '2' }));
  const rules = fc.record({
    when: fc.subarray(['security', 'packages', 'definition'] as const),
    every: fc.option(fc.nat(30), { nil: undefined }),
    anyway: fc.option(fc.nat(60), { nil: undefined }),
  });

  it('builds for a reason of the line, not before its time, and always when it is old', () =>
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1 }),
        fc.nat(90),
        rules,
        (changes, age, { when, every, anyway }) => {
          const rebuild: Rebuild = {
            when,
            ...(every === undefined ? {} : { every: every * DAY }),
            ...(anyway === undefined ? {} : { anyway: anyway * DAY }),
          };
          const { build } = judge(changes, age * DAY, rebuild, latest);
          const old = anyway !== undefined && age >= anyway;
          const words = {
            security: 'security',
            package: 'packages',
            definition: 'definition',
            element: 'definition',
            engine: 'definition',
          } as const;
          const counts = changes.some(({ kind }) => when.includes(words[kind]));
          expect(build).toBe(old || (counts && (every === undefined || age >= every)));
        },
      ),
    ));
});
