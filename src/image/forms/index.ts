import type { DiskForm, FileForm, Form, TreeForm } from '../../definition/forms.ts';
import type { HostTool } from '../../host/tools.ts';
import { kernelInitrdConverter } from './kernel-initrd.ts';
import { qcow2Converter, qcow2Reader } from './qcow2.ts';
import { rawConverter, rawReader } from './raw.ts';
import { rawZstConverter, rawZstReader } from './raw-zst.ts';
import { squashfsConverter, squashfsReader } from './squashfs.ts';
import { tarConverter, tarReader } from './tar.ts';
import type { Converter, DiskReader, TreeReader } from './types.ts';

/** A new form is one file here, a line in this list, and its word in src/definition/forms.ts. */
export const CONVERTERS: Readonly<Record<Form, Converter>> = {
  qcow2: qcow2Converter,
  raw: rawConverter,
  'raw.zst': rawZstConverter,
  squashfs: squashfsConverter,
  tar: tarConverter,
  'kernel-initrd': kernelInitrdConverter,
};

export const DISK_READERS: Readonly<Record<DiskForm, DiskReader>> = {
  qcow2: qcow2Reader,
  raw: rawReader,
  'raw.zst': rawZstReader,
};

export const TREE_READERS: Readonly<Record<TreeForm, TreeReader>> = {
  squashfs: squashfsReader,
  tar: tarReader,
};

/** What the host must have to read files of these forms. */
export function toolsOf(forms: readonly FileForm[]): HostTool[] {
  const readers: Readonly<Partial<Record<FileForm, DiskReader | TreeReader>>> = {
    ...DISK_READERS,
    ...TREE_READERS,
  };
  return forms.flatMap(form => readers[form]?.tools ?? []);
}
