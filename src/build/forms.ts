import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFiles } from '../bundle/digest.ts';
import { imageFileName } from '../bundle/names.ts';
import type { FileDigest, ImageFile } from '../bundle/types.ts';
import type { FileForm } from '../definition/forms.ts';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { shaped } from '../image/filesystems.ts';
import { CONVERTERS } from '../image/forms/index.ts';
import type { BuildLog } from './build-log.ts';
import { TREE } from './chroot.ts';
import { type BuiltDisk, sharedFile } from './disk.ts';

export interface FormsRequest {
  readonly line: ImageLine;
  readonly version: string;
  readonly epoch: number;
  readonly disk: BuiltDisk;
  /** The directory of results as we see it; the raw disk is there. */
  readonly out: string;
  /** The core that the files go to. */
  readonly core: string;
}

function resultName(form: FileForm): string {
  return `disk.${form}`;
}

/** Makes the forms that the line asks for in the directory of results, beside the raw disk. */
export async function makeForms(sandbox: Sandbox, request: FormsRequest, log: BuildLog): Promise<void> {
  const { line, epoch, disk, out } = request;
  const foreign = disk.layout.volumes.flatMap(({ content, mount }) =>
    content === 'vfat' && mount !== undefined ? [mount.point] : [],
  );
  for (const form of line.forms) {
    const { files, argv, explain } = CONVERTERS[form];
    if (argv === undefined) continue;
    for (const file of files) await sharedFile(out, resultName(file), 0);
    const command = argv({
      ...{ raw: `/out/${resultName('raw')}`, tree: TREE, foreign, epoch },
      ...{ file: (name: FileForm) => `/out/${resultName(name)}`, compression: line.disk.compression },
    });
    const converted = () => sandbox.run(command, { env: shaped(epoch) });
    await log.timed(form, converted).catch(error => {
      throw explain?.(error) ?? error;
    });
  }
}

/**
 * Moves the forms into the core and takes their digests.
 * @returns the files that the line asks for, and the disk, which may not be among them
 */
export async function takeForms(
  context: Context,
  { line, version, out, core }: FormsRequest,
): Promise<{ files: ImageFile[]; raw: Pick<FileDigest, 'size' | 'sha256'> }> {
  const name = (form: FileForm) => imageFileName({ ...line, image: line.name, version }, form);
  const forms = line.forms.flatMap(form => CONVERTERS[form].files);
  for (const form of forms) {
    const made = join(out, resultName(form));
    // Shared with the sandbox until now; from here on it is ours alone.
    await chmod(made, 0o644);
    await rename(made, join(core, name(form)));
  }
  const measured = await digestFiles(context, core, forms.map(name));
  const files = measured.map(({ path, size, sha256, sha512 }, index) => {
    const form = forms[index];
    if (form === undefined) throw new TypeError('a digest of no form');
    return { path, size, sha256, sha512, form };
  });
  const raw = files.find(each => each.form === 'raw');
  if (raw !== undefined) return { files, raw };
  const [disk] = await digestFiles(context, out, [resultName('raw')]);
  if (disk === undefined) throw new TypeError('a disk without a digest');
  return { files, raw: disk };
}
