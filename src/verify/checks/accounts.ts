import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const PASSWD = 'getent passwd';
const MOST = 10;

export const accounts: GuestCheck = {
  kind: 'guest',
  name: 'accounts',
  protects: 'Nobody but root and the default user has an account that one can log in to.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [PASSWD],
  async run(guest) {
    const entries = (await askedLines(guest, PASSWD)).map(line => line.split(':'));
    const roots = entries.filter(([name, , id]) => id === '0' && name !== 'root');
    const people = entries.filter(([, , , , , , shell = '']) => !/\/(?:nologin|false|sync)$/.test(shell));
    const expected = ['root', guest.userName];
    const others = [...new Set([...roots, ...people].map(([name = '']) => name))].filter(
      name => !expected.includes(name),
    );
    if (others.length === 0)
      return `${entries.length} accounts, of which ${expected.join(' and ')} have a shell`;
    throw new CheckError(
      `who may log in beside ${expected.join(' and ')}: ${others.slice(0, MOST).join(', ')}`,
    );
  },
};
