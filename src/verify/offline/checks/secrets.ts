import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';

const MIB = 1024 ** 2;

export const secrets: OfflineCheck = {
  ...OFFLINE,
  name: 'secrets',
  protects: 'No key, token or password of whoever built the image is handed to its users.',
  async look(image) {
    const scan = await image.scan();
    return {
      findings: scan.secrets.map(({ path, what }) => ({ what: path, why: what })),
      seen: `${scan.files} files of no package (${Math.round(scan.bytes / MIB)} MiB) hold none that is known or looks random`,
    };
  },
};
