import { join } from 'node:path';
import { CheckError } from '../../../host/errors.ts';
import { sameDisk } from '../../../image/forms.ts';
import type { OfflineCheck } from '../types.ts';

export const forms: OfflineCheck = {
  name: 'forms',
  protects: 'Every file of the bundle is the one disk that was tested, whole, and reads no other file.',
  async look({ context, core, manifest, work }) {
    const { files, diskSize: size, diskDigest: digest } = manifest;
    const images = files.map(({ path, form }) => ({ path: join(core, path), form }));
    const seen = `${files.map(({ form }) => form).join(' and ')} hold one disk, without backing or data file`;
    try {
      await sameDisk(context, images, { size, digest }, work);
      return { findings: [], seen };
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      return { findings: [{ what: 'forms', why: error.message }], seen };
    }
  },
};
