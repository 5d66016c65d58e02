import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { asset, packageRoot } from '../../src/host/assets.ts';
import { inTemporary } from './support.ts';

it('finds the installation from a program deep in it, through links, past packages of others', () =>
  inTemporary(async directory => {
    const root = join(directory, 'installation');
    const folder = join(root, 'node_modules/other/bin');
    await mkdir(folder, { recursive: true });
    await writeFile(join(root, 'package.json'), '{"name": "image-factory"}');
    await writeFile(join(root, 'node_modules/other/package.json'), '{"name": "other"}');
    await writeFile(join(folder, 'program.js'), '');
    await symlink(join(folder, 'program.js'), join(directory, 'program'));
    expect(packageRoot(join(folder, 'program.js'))).toBe(root);
    expect(packageRoot(join(directory, 'program'))).toBe(root);
  }));

it('says so when the program stands outside of an installation', () =>
  inTemporary(async directory => {
    await writeFile(join(directory, 'program.js'), '');
    expect(() => packageRoot(join(directory, 'program.js'))).toThrow(/no image-factory installation/);
  }));

it('leads to the files of this package', () => expect(existsSync(asset('package.json'))).toBe(true));
