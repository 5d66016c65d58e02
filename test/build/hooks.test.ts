import { lstat, readdir, readFile, readlink, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assembleHooks, byNumber } from '../../src/build/hooks.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';
import { element, type Files, writeTree } from './support.ts';

const script = (text = 'true'): readonly [string, number] => [`#!/bin/sh\n${text}\n`, 0o755];

/** The hooks of elements given by name, and the folder they were put together in. */
function assembled<T>(
  elements: Readonly<Record<string, Files>>,
  judge: (hooks: Awaited<ReturnType<typeof assembleHooks>>, folder: string) => Promise<T>,
): Promise<T> {
  return inTemporary(async place => {
    const read = Object.entries(elements).map(([name, files]) => element(join(place, 'in'), name, files));
    const folder = join(place, 'out');
    return judge(await assembleHooks(await Promise.all(read), folder), folder);
  });
}

describe('assembleHooks', () => {
  it('puts the scripts of all elements together, and knows whose they are', () =>
    assembled(
      {
        a: { 'install.d/50-last': script(), 'cleanup.d/9-x': script(), 'README.md': 'about a' },
        b: { 'install.d/02-first': script(), 'install.d/b.conf': 'text', 'root.d/08-b': script() },
      },
      async ({ owners, elements }, folder) => {
        expect(elements).toEqual(['a', 'b']);
        expect((await readdir(join(folder, 'install.d'))).sort()).toEqual(['02-first', '50-last', 'b.conf']);
        expect(owners.get('install.d/50-last')).toBe('a');
        expect(owners.get('root.d/08-b')).toBe('b');
        expect(owners.get('cleanup.d/9-x')).toBe('a');
      },
    ));

  it('knows whose the scripts of an install type are, that another script will link into the phase', () =>
    assembled({ a: { 'install.d/a-source-install/04-pip': script() } }, async ({ owners }, folder) => {
      expect(owners.get('install.d/04-pip')).toBe('a');
      expect(await readdir(join(folder, 'install.d/a-source-install'))).toEqual(['04-pip']);
    }));

  it('keeps a link within the element, and takes along what one from elsewhere leads to', () =>
    inTemporary(async place => {
      const own = await element(join(place, 'in'), 'a', { 'bin/tool': script(), 'install.d/10-x': script() });
      await writeTree(place, { 'shared/50-common': script() });
      await symlink('../bin/tool', join(own.path, 'install.d/50-linked'));
      await symlink('../../../shared/50-common', join(own.path, 'install.d/60-shared'));
      await symlink('/dev/null', join(own.path, 'install.d/70-masked'));
      await assembleHooks([own], join(place, 'out'));
      expect(await readlink(join(place, 'out/install.d/50-linked'))).toBe('../bin/tool');
      expect((await lstat(join(place, 'out/install.d/60-shared'))).isFile()).toBe(true);
      expect(await readlink(join(place, 'out/install.d/70-masked'))).toBe('/dev/null');
      expect((await stat(join(place, 'out/install.d/60-shared'))).mode & 0o777).toBe(0o755);
    }));

  it('merges folders: environment.d, bin and static', () =>
    assembled(
      {
        a: { 'environment.d/10-a.bash': 'export A=1', 'bin/tool.py': script(), 'static/etc/motd': 'hello' },
        b: { 'environment.d/20-b': 'export B=2', 'static/etc/sudoers.d/b': ['rules', 0o440] },
      },
      async (hooks, folder) => {
        expect(hooks.statics).toBe(true);
        expect((await readdir(join(folder, 'environment.d'))).sort()).toEqual(['10-a.bash', '20-b']);
        expect((await stat(join(folder, 'bin/tool.py'))).mode & 0o777).toBe(0o755);
        expect(await readFile(join(folder, 'static/etc/motd'), 'utf8')).toBe('hello');
        expect((await stat(join(folder, 'static/etc/sudoers.d/b'))).mode & 0o777).toBe(0o440);
      },
    ));

  it('leaves out tests and what Python compiled', () =>
    assembled(
      { a: { 'tests/test_a.py': 'x', '__pycache__/a.pyc': 'x', 'bin/__pycache__/b.pyc': 'x', 'x.pyc': 'x' } },
      async (_hooks, folder) => {
        expect((await readdir(folder, { recursive: true })).sort()).toEqual(['bin', 'environment.d']);
      },
    ));

  it.each(['install.d/50-same', 'environment.d/10-same', 'bin/same'])(
    'refuses two elements that bring %s',
    async name => {
      const both = { a: { [name]: script() }, b: { [name]: script('false') } };
      const error = await assembled(both, async () => undefined).catch(each => each);
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toBe(`two elements bring ${name}: a and b`);
    },
  );
});

it('byNumber is what sort -n says', async () => {
  const names = ['50-b', '9-a', '010-z', '10-a', 'x', '00-y', '100-c', '50-a', '5', 'B', '02-package'];
  const { stdout } = await run(['sort', '-n'], {
    input: `${names.join('\n')}\n`,
    env: { LC_ALL: 'C', PATH: '/usr/bin' },
  });
  expect([...names].sort(byNumber)).toEqual(stdout.trim().split('\n'));
});
