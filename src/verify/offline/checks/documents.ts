import { CheckError } from '../../../host/errors.ts';
import { compareDocuments } from '../../../image/documents.ts';
import type { OfflineCheck } from '../types.ts';

export const documents: OfflineCheck = {
  name: 'documents',
  protects:
    'The package list, the inventory of files and the SBOM tell what is in the image, and nothing else.',
  async look(image) {
    const actual = await image.documents();
    const seen = `${actual.entries.length} files and ${actual.installed.length} packages as told`;
    try {
      await compareDocuments(image.core, actual);
      return { findings: [], seen };
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      return { findings: [{ what: 'documents', why: error.message }], seen };
    }
  },
};
