import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding, ImageUnderTest } from '../types.ts';
import { isKnownPassword } from './known-passwords.ts';
import { sealFindings } from './seal-findings.ts';

export const logins: OfflineCheck = {
  ...OFFLINE,
  name: 'logins',
  protects:
    'Nobody logs in with a password or key that came with the image unasked, or with a password that all know.',
  async look(image) {
    const findings = [
      ...(await sealFindings(image, 'logins')),
      ...(await otherRoots(image)),
      ...(await knownPassword(image)),
    ];
    return { findings, seen: 'no password or key but those of the factory file, and one root' };
  },
};

async function otherRoots({ content }: ImageUnderTest): Promise<Finding[]> {
  const rows = ((await content.text('/etc/passwd')) ?? '').split('\n').map(line => line.split(':'));
  return rows
    .filter(([name, , id]) => id !== undefined && Number(id) === 0 && name !== 'root')
    .map(([name = '']) => ({ what: name, why: 'an account beside root with the user number 0' }));
}

async function knownPassword({ context, logins: asked }: ImageUnderTest): Promise<Finding[]> {
  const { name, passwordHash } = asked;
  if (passwordHash === undefined || !(await isKnownPassword(context, name, passwordHash))) return [];
  return [{ what: name, why: 'its password is one that everybody tries' }];
}
