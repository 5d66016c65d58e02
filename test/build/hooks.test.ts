import { readdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assembleHooks, byNumber } from '../../src/build/hooks.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';
import { element, type Files } from './support.ts';

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
  it('orders the scripts of all elements by their numbers', () =>
    assembled(
      {
        a: { 'install.d/50-last': script(), 'install.d/9-second': script(), 'install.d/010-third': script() },
        b: { 'install.d/02-first': script(), 'install.d/50-after': script(), 'pre-install.d/99-x': script() },
      },
      async hooks => {
        expect(hooks.scripts['install.d'].map(each => `${each.element} ${each.name}`)).toEqual([
          ...['b 02-first', 'a 9-second', 'a 010-third', 'b 50-after', 'a 50-last'],
        ]);
        expect(hooks.scripts['pre-install.d']).toHaveLength(1);
      },
    ));

  it('runs only what dib-run-parts would: executable files with a plain name', () =>
    assembled(
      {
        a: {
          'install.d/50-good_One': script(),
          'install.d/51-not-executable': 'true',
          'install.d/52-backup~': script(),
          'install.d/53-backup.orig': script(),
          'install.d/54-x.dpkg-old': script(),
          'install.d/.55-hidden': script(),
          'install.d/56 space': script(),
          'install.d/57-folder/58-inside': script(),
          'install.d/README': 'what these are',
        },
      },
      async (hooks, folder) => {
        expect(hooks.scripts['install.d'].map(each => each.name)).toEqual(['50-good_One']);
        expect(await readdir(join(folder, 'install.d'))).toEqual(['50-good_One']);
      },
    ));

  it('takes a link for what it leads to', () =>
    inTemporary(async place => {
      const own = await element(join(place, 'in'), 'a', { 'bin/tool': script(), 'install.d/10-x': script() });
      await symlink('../bin/tool', join(own.path, 'install.d/50-linked'));
      await symlink('nowhere', join(own.path, 'install.d/51-dangling'));
      const hooks = await assembleHooks([own], join(place, 'out'));
      expect(hooks.scripts['install.d'].map(each => each.name)).toEqual(['10-x', '50-linked']);
      expect((await stat(join(place, 'out/install.d/50-linked'))).isFile()).toBe(true);
    }));

  it('puts environment.d, bin and static where scripts look for them', () =>
    assembled(
      {
        a: { 'environment.d/10-a.bash': 'export A=1', 'bin/tool.py': script(), 'static/etc/motd': 'hello' },
        b: { 'environment.d/20-b': 'export B=2', 'static/etc/sudoers.d/b': ['rules', 0o440] },
      },
      async (hooks, folder) => {
        expect(hooks.statics).toEqual(['a', 'b']);
        expect((await readdir(join(folder, 'environment.d'))).sort()).toEqual(['10-a.bash', '20-b']);
        expect((await stat(join(folder, 'bin/tool.py'))).mode & 0o777).toBe(0o755);
        expect(await readFile(join(folder, 'static/a/etc/motd'), 'utf8')).toBe('hello');
        expect((await stat(join(folder, 'static/b/etc/sudoers.d/b'))).mode & 0o777).toBe(0o440);
      },
    ));

  it('keeps links in static as they are', () =>
    inTemporary(async place => {
      const own = await element(join(place, 'in'), 'a', { 'static/etc/target': 'x' });
      await symlink('/etc/target', join(own.path, 'static/etc/link'));
      await assembleHooks([own], join(place, 'out'));
      const { stdout } = await run(['readlink', join(place, 'out/static/a/etc/link')]);
      expect(stdout).toBe('/etc/target\n');
    }));

  it.each(['install.d/50-same', 'environment.d/10-same', 'bin/same'])(
    'refuses two elements that bring %s',
    async name => {
      const both = { a: { [name]: script() }, b: { [name]: script('false') } };
      const error = await assembled(both, async () => undefined).catch(each => each);
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toBe(`two elements bring ${name}, b is one of them`);
    },
  );

  it.each(['root.d', 'extra-data.d', 'post-root.d', 'block-device.d', 'pre-finalise.d', 'cleanup.d'])(
    'refuses a script in %s rather than leaving it out',
    async phase => {
      const error = await assembled({ a: { [`${phase}/50-x`]: script() } }, async () => undefined).catch(
        each => each,
      );
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toContain(`element a has scripts in ${phase}`);
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
