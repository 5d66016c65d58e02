import { truncate, writeFile } from 'node:fs/promises';
import { run } from '../../src/host/process.ts';

const MIB = 1024 * 1024;

/**
 * A disk with a GPT whose second partition is an ext4 of a small tree, by no code of ours.
 * @returns what debugfs takes for that partition
 */
export async function makeDisk(tree: string, raw: string): Promise<string> {
  await writeFile(raw, '');
  await truncate(raw, 12 * MIB);
  const script = 'label: gpt\n1 : start=2048, size=2048\n2 : start=4096, size=16384\n';
  await run(['sfdisk', '-q', '--no-reread', '--no-tell-kernel', raw], { input: script });
  const options = ['-q', '-F', '-t', 'ext4', '-b', '4096', '-L', 'cloudimg-rootfs'];
  await run(['mke2fs', ...options, '-E', `offset=${2 * MIB}`, '-d', tree, raw, '8M']);
  return `${raw}?offset=${2 * MIB}`;
}
