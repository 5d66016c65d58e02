import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundlePath, type PrepareOptions, prepare } from '../../src/build/prepare.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { inTemporary, recordingContext } from '../host/support.ts';
import { TestMirror } from './archive/mirror.ts';
import { LINE, writeTree } from './support.ts';

const SUITES = ['bookworm', 'bookworm-updates', 'bookworm-security'];

describe('prepare', () => {
  let mirror: TestMirror;

  beforeEach(async () => {
    mirror = await TestMirror.open();
    for (const [index, suite] of SUITES.entries()) {
      const packages = index > 0 ? [] : ['apt', 'cloud-init', 'htop', 'site-tool'];
      mirror.suites[suite] = {
        date: `Sun, 0${index + 1} Nov 2026 00:00:00 UTC`,
        packages: packages.map(Package => ({ Package, Version: '1' })),
      };
    }
  });

  afterEach(() => mirror.close());

  const prepared = (options: Partial<PrepareOptions> = {}) =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'debian-cloud/package-installs.yaml': 'cloud-init:\n',
        'site/package-installs.yaml': 'site-tool:\nfor-arm:\n  arch: arm64\n',
      });
      const line = { ...LINE, mirror: { build: `${mirror.base}/file` } };
      return prepare(recordingContext({ env: { XDG_CACHE_HOME: join(folder, 'cache') } }).context, {
        line,
        elementPaths: [folder],
        directory: folder,
        ...options,
      });
    });

  it('starts every image from the foundation, with the packages that its conditions allow', async () => {
    const { elements, packages, suite } = await prepared();
    expect(suite).toBe('bookworm');
    expect(elements.map(each => each.name)).toEqual(['debian-cloud', 'site']);
    expect(packages.map(each => each.name)).toEqual(['cloud-init', 'site-tool']);
  });

  it('gives an image with an XFS its tools, and a build the tools tree that makes one', async () => {
    expect((await prepared()).toolSet).toBe('engine');
    const build = `${mirror.base}/file`;
    const line = { ...LINE, disk: { ...LINE.disk, filesystem: 'xfs' }, mirror: { build } } as const;
    const xfs = await prepared({ line });
    expect(xfs.toolSet).toBe('xfs');
    expect(xfs.line.packages).toContain('xfsprogs');
    expect((await prepared({ line: xfs.line })).line.packages).toEqual(xfs.line.packages);
  });

  it('knows the version of each package that would be installed', async () => {
    const { inputs, suites } = await prepared();
    expect(inputs.packages).toEqual({ apt: '1', 'cloud-init': '1', htop: '1', 'site-tool': '1' });
    expect(suites.map(each => each.date)).toEqual([1, 2, 3].map(day => Date.UTC(2026, 10, day) / 1000));
  });

  it('warns of a package that no suite has: an element may bring its source, or it is a mistake', () =>
    inTemporary(async folder => {
      await writeTree(folder, { 'debian-cloud/element-deps': '' });
      const { context, said } = recordingContext({ env: { XDG_CACHE_HOME: join(folder, 'cache') } });
      const line = { ...LINE, elements: [], packages: ['htpo'], mirror: { build: `${mirror.base}/file` } };
      await prepare(context, { line, elementPaths: [folder], directory: folder });
      expect(said).toEqual(['warn: debian-12: no suite of its archive has htpo']);
    }));

  it("takes the factory file's mirror, and the command line's before it", async () => {
    await prepared();
    expect(mirror.asked.every(path => path.startsWith('/file'))).toBe(true);
    mirror.asked.length = 0;
    const { mirror: used } = await prepared({ mirror: `${mirror.base}/option/` });
    expect(mirror.asked).toHaveLength(6);
    expect(mirror.asked.every(path => path.startsWith('/option'))).toBe(true);
    expect(used.archive).toBe(`${mirror.base}/option`);
  });

  it('gives the same input digest while the packages of the image are the same, whatever else comes in', async () => {
    const offer = (Package: string, Version: string) => {
      mirror.suites['bookworm-security'] = {
        date: 'Mon, 09 Nov 2026 00:00:00 UTC',
        packages: [{ Package, Version }],
      };
    };
    const before = await prepared();
    offer('unrelated', '5');
    expect((await prepared()).inputDigest).toBe(before.inputDigest);
    offer('htop', '2');
    const after = await prepared();
    expect(after.inputDigest).not.toBe(before.inputDigest);
    expect(after.isSecurity('htop')).toBe(true);
  });

  it('refuses a broken definition before it asks the network', async () => {
    for (const change of [{ release: '99' }, { elements: ['no-such'] }, { mirror: { build: 'nonsense' } }]) {
      const line = { ...LINE, mirror: { build: mirror.base }, ...change };
      await expect(prepared({ line })).rejects.toThrow(DefinitionError);
    }
    expect(mirror.asked).toEqual([]);
  });
});

it('keeps the bundles of a line together, one for each version and architecture', () =>
  expect(bundlePath('out', LINE, '20261121.1')).toBe(join('out', 'debian-12', '20261121.1-amd64')));
