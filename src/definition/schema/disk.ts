import { z } from 'zod';
import { FILESYSTEMS } from '../filesystems.ts';
import { DISK_FORMS, FORMS, isDiskForm } from '../forms.ts';
import { loose, pattern, word, words } from './shapes.ts';
import { MIB, size } from './values.ts';

const ONE_DISK = `a form that holds the whole disk beside the others: ${DISK_FORMS.join(', ')}`;

const partitionSize = size(8 * MIB, 1024 * 1024 * MIB);
const partitions = {
  boot: partitionSize.describe('/boot.'),
  var: partitionSize.describe('/var.'),
  home: partitionSize.describe('/home.'),
  swap: partitionSize.describe('Swap.'),
};

const layout = word(['gpt-hybrid', 'gpt-bios', 'gpt-uefi', 'mbr', 'mbr-hybrid', 'filesystem']).describe(
  'Partition table and firmware; hybrid boots under BIOS and UEFI, filesystem has no table.',
);

const config = pattern(
  '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]{1,100000}$',
  "the text of diskimage-builder's block-device configuration",
).describe("diskimage-builder's block-device configuration, as text (config: |).");

export const disk = {
  layout,
  filesystem: word(FILESYSTEMS).describe('Root filesystem, and that of /var and /home.'),
  partitions: loose(partitions).describe('Partitions beside the root, with their sizes.'),
  config,
  compression: word(['zstd', 'zlib']).describe('Of the qcow2; zlib is read by QEMU older than 5.1 too.'),
  reserve: size(0, 1024 * 1024 * MIB).describe('Room beyond what the tree needs.'),
  journal: size(4 * MIB, 1024 * MIB).describe("The root filesystem's journal."),
};

/** The result of the merge of a map in which everything may be absent. */
function sizes<T extends Readonly<Record<string, typeof partitionSize>>>(shape: T) {
  const entries = Object.entries(shape).map(([key, type]) => [key, type.exactOptional()] as const);
  return z.object(Object.fromEntries(entries) as { [K in keyof T]: z.ZodExactOptional<T[K]> });
}

export const forms = words(FORMS).describe('Files made of the one disk and its tree.');

export const resolvedForms = z.array(word(FORMS)).refine(all => all.some(isDiskForm), { error: ONE_DISK });

export const resolvedDisk = z.object({
  ...disk,
  config: config.exactOptional(),
  partitions: sizes(partitions),
});
