import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

/** One grep for all: the shell fills in which files there are. */
const FILES = "grep -sH . $(getent passwd | cut -d: -f6 | sort -u | sed 's#$#/.ssh/authorized_keys*#'); :";
const KEY = /(?:^|\s)(?:ssh-|ecdsa-|sk-)\S+\s+(\S+)/;

export const authorizedKeys: GuestCheck = {
  kind: 'guest',
  name: 'authorized-keys',
  protects: "No key opens the server but the customer's and those that the factory file names.",
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [FILES],
  async run(guest) {
    const { told } = guest.machine;
    if (told === undefined) throw new NotApplicable('which key this place hands over is not known');
    const known = [told.publicKey, ...guest.logins.sshKeys].map(keyIn);
    const lines = (await askedLines(guest, FILES)).map(line => /^([^:]*):\s*(.*)$/.exec(line) ?? []);
    const entries = lines.filter(([, , text = '']) => !text.startsWith('#'));
    const strange = entries.filter(([, , text = '']) => !known.includes(keyIn(text)));
    if (strange.length === 0) return `${entries.length} lines of keys, all of them handed over or named`;
    const files = [...new Set(strange.map(([, file]) => file))];
    throw new CheckError(`keys that nobody handed over: ${files.join(', ')}`);
  },
};

/** Without options and comment; options may quote anything. */
function keyIn(line: string): string | undefined {
  return KEY.exec(line.replace(/"(?:[^"\\]|\\.)*"/g, ''))?.[1];
}
