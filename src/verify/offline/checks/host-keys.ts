import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import { sealFindings } from './seal-findings.ts';

export const hostKeys: OfflineCheck = {
  ...OFFLINE,
  name: 'host-keys',
  protects: 'No instance has an ssh host key that whoever has the image has too.',
  async look(image) {
    return { findings: await sealFindings(image, 'host-keys'), seen: 'no ssh host keys in the image' };
  },
};
