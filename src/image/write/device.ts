import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from '../../host/errors.ts';

/** A whole block device or a partition, as the kernel tells of it. */
export interface BlockDevice {
  /** `sda`, `nvme0n1p1` */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Why it must not be written, one reason each: mounts, swap, volumes that lie on it. */
  readonly uses: readonly string[];
}

/**
 * @param major and minor number of the device
 * @throws HostError when the kernel knows no such device
 */
export async function describeDevice(major: number, minor: number): Promise<BlockDevice> {
  const folder = await realpath(`/sys/dev/block/${major}:${minor}`).catch(cause => {
    throw new HostError(`the kernel knows no block device ${major}:${minor}`, { cause });
  });
  const parts = await partitionsOf(folder);
  const uses = await Promise.all([folder, ...parts].map(usesOf));
  return {
    name: folder.slice(folder.lastIndexOf('/') + 1),
    size: Number(await fact(folder, 'size')) * 512,
    readOnly: (await fact(folder, 'ro')) === '1',
    uses: uses.flat(),
  };
}

async function partitionsOf(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const parts = await Promise.all(
    names.map(async name =>
      (await fact(join(folder, name), 'partition')) === '' ? [] : [join(folder, name)],
    ),
  );
  return parts.flat();
}

async function usesOf(folder: string): Promise<string[]> {
  const numbers = await fact(folder, 'dev');
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const mounts = (await text('/proc/self/mountinfo'))
    .split('\n')
    .map(line => line.split(' '))
    .filter(([, , device]) => device === numbers)
    .map(([, , , , point]) => `${name} is mounted at ${point}`);
  const swaps = (await text('/proc/swaps'))
    .split('\n')
    .filter(line => line.startsWith(`/dev/${name} `) || line.startsWith(`/dev/${name}\t`))
    .map(() => `${name} is swap`);
  const holders = (await readdir(join(folder, 'holders')).catch(() => [])).map(
    holder => `${name} is part of ${holder}`,
  );
  return [...mounts, ...swaps, ...holders];
}

/** The loop devices that read from a file. */
export async function loopsOf(file: string): Promise<string[]> {
  const names = (await readdir('/sys/block').catch(() => [])).filter(name => name.startsWith('loop'));
  const backing = await Promise.all(names.map(name => fact(join('/sys/block', name), 'loop/backing_file')));
  return names.filter((_, index) => backing[index] === file);
}

async function fact(folder: string, name: string): Promise<string> {
  return (await text(join(folder, name))).trim();
}

function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
