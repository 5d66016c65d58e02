import { run } from '../../host/process.ts';
import { qcow2Facts } from '../read/qcow2.ts';
import type { Converter, DiskReader } from './types.ts';

/** Compressed, in order of the clusters (no -W), so that the same disk gives the same file. */
export const qcow2Converter: Converter = {
  files: ['qcow2'],
  share: 0.6,
  argv: ({ raw, file, compression }) => [
    ...['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2'],
    ...['-c', '-o', `compression_type=${compression}`, '-m', '16', raw, file('qcow2')],
  ],
};

/** qemu-img has no way to hand out a disk in order: it needs a file. */
export const qcow2Reader: DiskReader = {
  tools: [{ needs: 'qemu-img', package: 'qemu-utils' }],
  diskSize: async path => (await qcow2Facts(path)).diskSize,
  async unpack({ signal }, path, raw) {
    await run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path, raw], { signal });
  },
};
