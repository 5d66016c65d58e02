import { join } from 'node:path';
import { diskImages } from '../../../bundle/core.ts';
import { CheckError } from '../../../host/errors.ts';
import { sameDisk } from '../../../image/disk-file.ts';
import { compareDocuments } from '../../../image/documents.ts';
import { checkOfTree } from '../../tree-files.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding, ImageUnderTest } from '../types.ts';

export const images: OfflineCheck = {
  ...OFFLINE,
  name: 'images',
  protects: 'Every form is the same disk and reads no other file, and its documents tell what is in it.',
  async look(image) {
    const { context, core, manifest } = image;
    const ofTree: string[] = [];
    const findings = [
      ...(await finding('forms', () => otherForms(image))),
      ...(await finding('documents', async () => compareDocuments(core, await image.documents()))),
      ...(await finding('tree', async () => {
        ofTree.push(...(await checkOfTree(context, core, manifest)));
      })),
    ];
    const { entries, installed } = await image.documents();
    const told = `${entries.length} files and ${installed.length} packages as told`;
    const forms = `${diskImages(manifest).length} forms of one disk`;
    return { findings, seen: [forms, ...ofTree, told].join('; ') };
  },
};

/** The one that is looked at was compared when it was opened. */
function otherForms({ context, core, manifest, work, opened }: ImageUnderTest): Promise<void> {
  const { diskSize: size, diskDigest: digest } = manifest;
  const others = diskImages(manifest).filter(({ path }) => path !== opened);
  const disks = others.map(({ path, form }) => ({ path: join(core, path), form }));
  return sameDisk(context, disks, { size, digest }, work);
}

async function finding(what: string, act: () => Promise<void>): Promise<Finding[]> {
  try {
    await act();
    return [];
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    return [{ what, why: error.message }];
  }
}
