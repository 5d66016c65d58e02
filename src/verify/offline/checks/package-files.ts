import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';

export const packageFiles: OfflineCheck = {
  ...OFFLINE,
  name: 'package-files',
  protects:
    'The programs are those of their packages, byte for byte, so that what is fixed upstream is fixed here.',
  async look(image) {
    const { changed, missing, configured, compared } = await image.packageFiles();
    const findings = [
      ...changed.map(({ path, package: name }) => ({ what: path, why: `it is not as ${name} brought it` })),
      ...missing.map(({ path, package: name }) => ({
        what: path,
        why: `it is gone, and ${name} brought it`,
      })),
    ];
    const touched =
      configured.length === 0 ? '' : `; configuration changed on purpose: ${configured.join(', ')}`;
    return { findings, seen: `${compared} files as their packages brought them${touched}` };
  },
};
