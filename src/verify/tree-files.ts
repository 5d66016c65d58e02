import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImageFile, Manifest } from '../bundle/types.ts';
import { isTreeForm } from '../definition/forms.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { DOCUMENTS, mountedFilesystems } from '../image/documents.ts';
import { parseInventory } from '../image/inventory-line.ts';
import { requireSameTree } from '../image/tree-file.ts';

/**
 * That the files made of the tree hold what stands on the disk, by the inventory, which was compared with the disk
 * before.
 * @returns what was seen, one line each
 * @throws CheckError
 */
export async function checkOfTree(context: Context, core: string, manifest: Manifest): Promise<string[]> {
  const inventory = await readFile(join(core, DOCUMENTS.inventory), 'utf8');
  const points = mountedFilesystems(manifest.volumes).map(each => each.mountPoint);
  const seen: string[] = [];
  for (const { path, form } of manifest.files) {
    if (!isTreeForm(form)) continue;
    const names = await requireSameTree(context, { path: join(core, path), form }, { inventory, points });
    seen.push(`${form} with the same ${names} files`);
  }
  return [...seen, ...checkBoot(manifest, inventory)];
}

/** The kernel and its initramfs are those of one version in /boot. */
function checkBoot({ files }: Manifest, inventory: string): string[] {
  const [kernel, initrd] = (['kernel', 'initrd'] as const).map(form =>
    files.find(each => each.form === form),
  );
  if (kernel === undefined && initrd === undefined) return [];
  const digests = new Map(parseInventory(inventory).map(({ path, sha256 }) => [path, sha256]));
  const versions = [...digests.keys()].flatMap(path => /^\/boot\/vmlinuz-(.+)$/.exec(path)?.[1] ?? []);
  const same = (path: string, file: ImageFile | undefined) =>
    file !== undefined && digests.get(path) === file.sha256;
  const version = versions.find(
    each => same(`/boot/vmlinuz-${each}`, kernel) && same(`/boot/initrd.img-${each}`, initrd),
  );
  if (version !== undefined) return [`kernel and initrd of ${version}`];
  const names = [kernel, initrd]
    .map(each => (each === undefined ? 'none' : basename(each.path)))
    .join(' and ');
  throw new CheckError(`${names} are not a kernel and its initramfs of the image`, {
    advice: 'build the image again',
  });
}
