import { chmod, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFiles } from '../bundle/digest.ts';
import { imageFileName } from '../bundle/names.ts';
import type { FileDigest, ImageFile } from '../bundle/types.ts';
import type { FileForm } from '../definition/forms.ts';
import type { ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { RAW } from '../image/assemble.ts';
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

/** Digests of the raw disk, by programs of their own: they go on beside those that read it too. */
export async function digestRaw(sandbox: Sandbox): Promise<Pick<FileDigest, 'sha256' | 'sha512'>> {
  const digest = async (program: string) => {
    const { stdout } = await sandbox.run([program, '--', `/out/${RAW}`]);
    return stdout.split(' ')[0] ?? '';
  };
  const [sha256, sha512] = await Promise.all([digest('sha256sum'), digest('sha512sum')]);
  return { sha256, sha512 };
}

/**
 * Moves the forms into the core and takes the digests of those that are not the raw disk.
 * @returns the files that the line asks for, and the disk, which may not be among them
 */
export async function takeForms(
  context: Context,
  { line, version, out, core }: FormsRequest,
  digests: Pick<FileDigest, 'sha256' | 'sha512'>,
): Promise<{ files: ImageFile[]; raw: Pick<FileDigest, 'size' | 'sha256'> }> {
  const name = (form: FileForm) => imageFileName({ ...line, image: line.name, version }, form);
  const forms = line.forms.flatMap(form => CONVERTERS[form].files);
  const raw = { size: (await stat(join(out, RAW))).size, ...digests };
  for (const form of forms) {
    const made = join(out, resultName(form));
    // Shared with the sandbox until now; from here on it is ours alone.
    await chmod(made, 0o644);
    await rename(made, join(core, name(form)));
  }
  const others = forms.filter(form => form !== 'raw');
  const measured = await digestFiles(context, core, others.map(name));
  const files = forms.map((form): ImageFile => {
    if (form === 'raw') return { path: name(form), ...raw, form };
    const found = measured[others.indexOf(form)];
    if (found === undefined) throw new TypeError('a form without a digest');
    const { path, size, sha256, sha512 } = found;
    return { path, size, sha256, sha512, form };
  });
  return { files, raw };
}
