import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Built, buildOurs, installReference } from '../elements/builds.ts';
import { SMALL } from '../elements/groups.ts';
import { laySources } from '../elements/sources.ts';
import { expectAllScripts } from '../elements/suite.ts';
import { readTree, type Tree } from '../elements/tree.ts';

/** All elements that are asked to run unchanged, and the comparison with disk-image-create: test/long/elements.test.ts. */
describe("diskimage-builder's own elements", () => {
  let work = '';
  let built: Built;
  let tree: Tree;
  let commit = '';

  beforeAll(async () => {
    await installReference();
    work = await mkdtemp('/var/tmp/image-factory-elements-');
    commit = await laySources(join(work, 'elements'));
    built = await buildOurs({ ...SMALL, elements: [...SMALL.elements, 'sources'] }, work);
    tree = await readTree(built.raw);
  });

  afterAll(async () => {
    await tree?.close();
    await rm(work, { recursive: true, force: true });
  });

  it('run all their scripts', async () => {
    const ran = await expectAllScripts(SMALL, built.steps);
    expect([...ran.values()].reduce((sum, each) => sum + each)).toBeGreaterThan(30);
  });

  it.each([
    ['install-static', '/etc/exercise/greeting', 'hello\n'],
    ['install-types', '/etc/exercise-type', 'source\n'],
    ['svc-map', '/etc/exercise-service', 'ssh\n'],
    ['a program in bin/', '/etc/exercise-tool', 'used\n'],
    ['sysctl', '/etc/sysctl.d/kernel.domainname.conf', /^kernel\.domainname = exercise$/m],
    ['modprobe', '/etc/modprobe.d/exercise.conf', 'options loop max_loop=16\n'],
    ['modprobe by a variable', '/etc/modprobe.d/blacklist.conf', /^blacklist pcspkr$/m],
    ['apt-conf', '/etc/apt/apt.conf', /Show-Upgraded/],
    ['block-device-gpt', '/etc/fstab', 'LABEL=cloudimg-rootfs / ext4 defaults 0 1\n'],
  ])('%s has done its work', async (_, path, wanted) => {
    const content = (await tree.content(path)).toString();
    if (typeof wanted === 'string') expect(content).toBe(wanted);
    else expect(content).toMatch(wanted);
  });

  it('package-installs and pkg-map leave the packages that conditions ask for', () => {
    const names = tree.packages.map(each => each.name);
    expect(names).toEqual(expect.arrayContaining(['less', 'bsdextrautils', 'dialog', 'procps']));
    for (const name of ['nano', 'zerofree', 'memtest86+']) expect(names).not.toContain(name);
  });

  it('source-repositories are there, and in the manifest with commit or digest', async () => {
    const manifest = JSON.parse(await readFile(join(built.bundle, 'core/manifest.json'), 'utf8'));
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
    const found = [...manifest.sourceRepositories].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(found).toMatchObject([
      { name: 'data', kind: 'tar', path: '/opt/data', sha256 },
      { name: 'exercise', kind: 'file', path: '/opt/exercise', sha256 },
      { name: 'tool', kind: 'git', path: '/opt/tool', commit },
    ]);
    for (const path of ['/opt/tool/tool', '/opt/data/tool'])
      expect((await tree.content(path)).toString()).toBe('by git\n');
  });
});
