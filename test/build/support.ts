import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Element } from '../../src/build/elements.ts';
import type { ImageLine } from '../../src/definition/types.ts';

/** Files by path: text, or text and mode. */
export type Files = Readonly<Record<string, string | readonly [text: string, mode: number]>>;

export async function writeTree(folder: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const [text, mode] = typeof content === 'string' ? [content, 0o644] : content;
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await chmod(path, mode);
  }
}

/** An element that was read already. */
export async function element(folder: string, name: string, files: Files = {}): Promise<Element> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  await writeTree(path, files);
  return { name, path, needs: [], provides: [], digest: '' };
}

export const LINE: ImageLine = {
  name: 'debian-12',
  title: 'Debian 12',
  distribution: 'debian',
  release: '12',
  architecture: 'amd64',
  elements: ['site'],
  packages: ['htop'],
  environment: { DIB_A: '1' },
  disk: {
    ...{ layout: 'gpt-hybrid', filesystem: 'ext4', partitions: {}, compression: 'zstd' },
    ...{ reserve: 0, journal: 64 << 20 },
  },
  forms: ['qcow2', 'raw'],
  mirror: { build: 'http://one.example/debian' },
  rebuild: { when: ['security', 'packages', 'definition'] },
  user: { name: 'debian', sudo: 'nopasswd', sshKeys: [] },
  hardening: { except: {} },
  repositories: [],
  owner: 'team',
  verify: { checks: ['ssh'], boot: 300_000, memory: 1 << 30, cpus: 2 },
};
