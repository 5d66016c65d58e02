import type { OfflineCheck } from '../../types.ts';
import { buildHosts } from '../build-hosts.ts';
import { OFFLINE } from '../facts.ts';

export const buildHost: OfflineCheck = {
  ...OFFLINE,
  name: 'build-host',
  protects: 'The image tells nobody the names and paths of the hosts that it was made on.',
  async look(image) {
    const { hosts } = await image.scan();
    const names = buildHosts(image.manifest);
    const { host } = image.manifest.builder;
    const common = names.includes(host) ? '' : `; ${JSON.stringify(host)} is too common a name to look for`;
    return {
      findings: hosts.map(({ path, what }) => ({ what: path, why: what })),
      seen: `no path of a CI runner and none of ${names.length} names${common}`,
    };
  },
};
