import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveElements } from '../../src/build/elements.ts';
import { assembleHooks, PHASES } from '../../src/build/hooks.ts';
import { packageInstalls } from '../../src/build/package-installs.ts';
import { inTemporary } from '../host/support.ts';

const FOLDER = resolve('elements');

it('the elements that come with this repository can be used, and no script of theirs is passed over', () =>
  inTemporary(async folder => {
    const names = await readdir(FOLDER);
    const elements = await resolveElements(names, [FOLDER]);
    expect(elements.map(each => each.name)).toEqual([...names].sort());
    await assembleHooks(elements, join(folder, 'hooks'));
    for (const phase of Object.keys(PHASES)) {
      const there = await Promise.all(names.map(name => readdir(join(FOLDER, name, phase)).catch(() => [])));
      const copied = await readdir(join(folder, 'hooks', phase)).catch(() => []);
      expect(copied.sort()).toEqual(there.flat().sort());
    }
  }));

it('the image of a distribution starts with a kernel, cloud-init, ssh and a boot loader', async () => {
  const elements = await resolveElements(['debian-cloud'], [FOLDER]);
  const conditions = { architecture: 'amd64', distribution: 'debian', release: 'bookworm', environment: {} };
  const packages = (await Promise.all(elements.map(each => packageInstalls(each, conditions)))).flat();
  const names = packages.map(each => each.name);
  expect(names).toEqual(expect.arrayContaining(['cloud-init', 'openssh-server', 'linux-image-cloud-amd64']));
  expect(names.filter(name => name.startsWith('grub-')).length).toBeGreaterThan(0);
});

it('each of them says what it is for', async () => {
  for (const name of await readdir(FOLDER))
    expect(await readFile(join(FOLDER, name, 'README.md'), 'utf8')).toMatch(
      new RegExp(`^# ${name}\n\\S[^]{40,}`),
    );
});

describe('the rules of hardening', () => {
  const KINDS = ['sysctl', 'sshd', 'module', 'login', 'limit', 'sudo', 'mode', 'unit'];
  const rows = async () => {
    const text = await readFile(join(FOLDER, 'hardening/static/usr/share/image-factory/hardening'), 'utf8');
    const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
    return lines.map(line => line.split('|').map(cell => cell.trim()));
  };

  it('are a name, a kind, what is set and why', async () => {
    const all = await rows();
    expect(all.length).toBeGreaterThan(50);
    for (const row of all) {
      expect(row).toHaveLength(4);
      const [name = '', kind = '', what = '', why = ''] = row;
      expect(name).toMatch(/^[a-z0-9][a-z0-9-]+$/);
      expect(KINDS).toContain(kind);
      expect(what).not.toBe('');
      expect(why).not.toBe('');
    }
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
  });

  it('set nothing twice', async () => {
    const keys = (await rows()).map(
      ([, kind, what = '']) => `${kind} ${what.split(/[= ]/)[kind === 'mode' ? 1 : 0]}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});
