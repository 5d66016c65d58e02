import { describe, expect, it } from 'vitest';
import { packageInstalls } from '../../src/build/package-installs.ts';
import { DefinitionError, describe as tell } from '../../src/host/errors.ts';
import { inTemporary } from '../host/support.ts';
import { element } from './support.ts';

const DEBIAN = { distribution: 'debian', release: 'bookworm' };
const FILE = 'package-installs.yaml';

function packagesOf(text: string, environment: Record<string, string> = {}, architecture = 'amd64') {
  return inTemporary(async folder => {
    const own = await element(folder, 'site', { [FILE]: text });
    return packageInstalls(own, { ...DEBIAN, architecture, environment });
  });
}

const namesOf = async (text: string, environment: Record<string, string> = {}, architecture = 'amd64') =>
  (await packagesOf(text, environment, architecture)).map(each => each.name);

describe('package-installs.yaml', () => {
  it('may be missing or empty', async () => {
    expect(
      await inTemporary(async folder =>
        packageInstalls(await element(folder, 'site'), { ...DEBIAN, architecture: 'amd64', environment: {} }),
      ),
    ).toEqual([]);
    expect(await packagesOf('# nothing yet\n')).toEqual([]);
  });

  it.each(['', ' null', ' {}', ' []', ' ""', ' false'])(
    'takes a package with %j below it as it is',
    async words => {
      expect(await packagesOf(`a:${words}\n`)).toMatchObject([{ name: 'a', phase: 'install.d' }]);
    },
  );

  it('may be JSON in a file of that name, and both', () =>
    inTemporary(async folder => {
      const json = JSON.stringify({ a: null, b: [{ phase: 'pre-install.d' }] });
      const own = await element(folder, 'site', { 'package-installs.json': json, [FILE]: 'c:\n' });
      const found = await packageInstalls(own, { ...DEBIAN, architecture: 'amd64', environment: {} });
      expect(found.map(each => each.name)).toEqual(['a', 'b', 'c']);
    }));

  it('knows phase and uninstall', async () => {
    const text = 'a:\nb:\n  phase: pre-install.d\nc:\n  phase: post-install.d\nd:\n  uninstall: true\n';
    const rest = { element: 'site', uninstall: false };
    expect(await packagesOf(text)).toEqual([
      { ...rest, name: 'a', phase: 'install.d' },
      { ...rest, name: 'b', phase: 'pre-install.d' },
      { ...rest, name: 'c', phase: 'post-install.d' },
      { ...rest, name: 'd', phase: 'install.d', uninstall: true },
    ]);
  });

  it.each([
    ['amd64', ['both', 'x86', 'not-arm']],
    ['arm64', ['both', 'arm']],
  ])('knows arch and not-arch: on %s', async (architecture, wanted) => {
    const text =
      'both:\n  arch: arm64, amd64\nx86: {arch: amd64}\narm: {arch: "arm64,armhf"}\nnot-arm: {not-arch: "armhf , arm64"}\n';
    expect(await namesOf(text, {}, architecture)).toEqual(wanted);
  });

  it.each([
    ['A = 1', { A: '1' }, true],
    ['A=1', { A: '2' }, false],
    ['A != 1', { A: '2' }, true],
    ['A!=1', { A: '1' }, false],
    ['A = two words', { A: 'two words' }, true],
    ['A = ', { A: '' }, true],
  ])('knows when: %s', async (when, environment, wanted) => {
    expect(await namesOf(`p:\n  when: "${when}"\n`, environment)).toEqual(wanted ? ['p'] : []);
  });

  it('takes a key for said that stands there at all, as diskimage-builder does', async () => {
    expect(await packagesOf('a:\n  uninstall: false\nb:\n  build-only: false\n')).toMatchObject([
      { name: 'a', uninstall: true },
      { name: 'b', uninstall: false },
      { name: 'b', uninstall: true },
    ]);
  });

  it('knows dib_python_version', async () => {
    const text = 'two: {dib_python_version: 2}\nthree: {dib_python_version: "3"}\n';
    expect(await namesOf(text, { DIB_PYTHON_VERSION: '3' })).toEqual(['three']);
  });

  it('takes a list of conditions as all of them, and a list of entries as any of them', async () => {
    const all = 'p:\n  when: ["A = 1", "B != 1"]\n';
    expect(await namesOf(all, { A: '1', B: '2' })).toEqual(['p']);
    expect(await namesOf(all, { A: '1', B: '1' })).toEqual([]);
    const any = 'p:\n  - when: A = 1\n  - when: B = 1\n    phase: post-install.d\n';
    expect(await packagesOf(any, { A: '0', B: '1' })).toMatchObject([{ name: 'p', phase: 'post-install.d' }]);
  });

  it('takes a variable that nobody set for different from every value', async () => {
    expect(await namesOf('p:\n  when: A = 1\nq:\n  when: A != 1\n')).toEqual(['q']);
  });

  it.each([
    [{}, ['both', 'source']],
    [{ DIB_DEFAULT_INSTALLTYPE: 'package' }, ['both', 'package']],
    [{ DIB_INSTALLTYPE_site: 'package' }, ['both', 'package']],
    [{ DIB_DEFAULT_INSTALLTYPE: 'package', DIB_INSTALLTYPE_site: 'source' }, ['both', 'source']],
  ])('knows installtype: with %j', async (environment, wanted) => {
    const text = 'both:\nsource: {installtype: source}\npackage: {installtype: package}\n';
    expect(await namesOf(text, environment)).toEqual(wanted);
  });

  it.each([
    ['a list', '- a\n- b\n'],
    ['a text', 'packages\n'],
    ['a key nobody knows', 'a:\n  phases: install.d\n'],
    ['a phase without packages', 'a:\n  phase: finalise.d\n'],
    ['broken YAML', 'a: [\n'],
    ['a condition without an operator', 'a:\n  when: DIB_A\n'],
    ['a condition that is no text', 'a:\n  when: true\n'],
  ])('refuses %s on one line that names the file', async (_what, text) => {
    const error = await packagesOf(text, { DIB_A: '1' }).catch(each => each);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(tell(error).line).toMatch(/^.*site\/package-installs\.yaml.*$/);
  });
});
