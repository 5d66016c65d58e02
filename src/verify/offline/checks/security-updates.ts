import { NotApplicable, type OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';

export const securityUpdates: OfflineCheck = {
  ...OFFLINE,
  name: 'security-updates',
  protects: 'A new server has no hole that its distribution has mended already.',
  async look(image) {
    if (image.pendingUpdates === undefined) throw new NotApplicable('no package archive is known');
    const { installed } = await image.documents();
    const pending = await image.pendingUpdates(installed);
    return {
      findings: pending.map(({ name, version, now }) => ({
        what: name,
        why: `${version} is there, ${now} mends it`,
      })),
      seen: `none is pending for ${installed.length} packages`,
    };
  },
};
