import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allowedLogins, changedBy, NO_LOGINS } from '../../src/image/logins.ts';
import { findUnsealed } from '../../src/image/seal.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAm lead';
const HASH = '$y$j9T$KNEy4/H4cBuqYiI0D1rVh.$e2Y3DFbEWpfVEQ0RwUB8HWqVU8ExRkqY9TnDMDZYxvD';
const asked = { name: 'debian', sshKeys: [KEY], passwordHash: HASH };
const keys = 'home/debian/.ssh/authorized_keys';

it('keeps of authorized_keys the keys that are asked for, and nothing for anybody else', () => {
  const content = `# by an element\n${KEY}\nssh-rsa AAAAB3 intruder\n`;
  expect(allowedLogins(keys, content, asked)).toBe(`${KEY}\n`);
  expect(allowedLogins(keys, `command="x" ${KEY}\n`, asked)).toBe('');
  for (const path of ['home/other/.ssh/authorized_keys', 'home/debian/.ssh/authorized_keys2'])
    expect(allowedLogins(path, content, asked)).toBe('');
  expect(allowedLogins(keys, content, NO_LOGINS)).toBe('');
});

it.each([
  ['etc/shadow', `debian:${HASH}:19000:0:99999:7:::`, undefined],
  ['etc/shadow', `root:${HASH}:19000:0:99999:7:::`, 'root:!:19000:0:99999:7:::'],
  ['etc/shadow', 'debian:$6$other$hash:19000::::::', 'debian:!:19000::::::'],
  ['etc/shadow', `debian:!${HASH}:19000::::::`, 'debian:!:19000::::::'],
  ['etc/shadow', 'games::19000:0:99999:7:::', 'games:!:19000:0:99999:7:::'],
  ['etc/shadow', 'sshd:!:19000::::::', undefined],
  ['etc/shadow', 'daemon:*:19000:0:99999:7:::', undefined],
  ['etc/shadow', 'systemd-network:!*:19000::::::', undefined],
  ['etc/passwd', 'root:x:0:0:root:/root:/bin/bash', undefined],
  ['etc/passwd', 'toor::0:0::/root:/bin/sh', 'toor:*:0:0::/root:/bin/sh'],
  [
    'etc/passwd',
    `debian:${HASH}:1000:1000::/home/debian:/bin/sh`,
    'debian:*:1000:1000::/home/debian:/bin/sh',
  ],
  ['etc/gshadow', `sudo:${HASH}::debian`, 'sudo:!::debian'],
])('%s: %s', (path, line, allowed) => {
  expect(allowedLogins(path, `${line}\n`, asked)).toBe(`${allowed ?? line}\n`);
});

it('leaves what it has allowed, whatever the text', () => {
  const path = fc.constantFrom('etc/passwd', 'etc/shadow', 'etc/gshadow', keys);
  const row = fc.array(fc.constantFrom('debian', 'root', 'x', '', '!', HASH, KEY, ' '), { maxLength: 9 });
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(row, { maxLength: 5 }).map(rows => rows.map(each => each.join(':')).join('\n')),
  );
  fc.assert(
    fc.property(path, text, (where, content) => {
      const allowed = allowedLogins(where, content, asked);
      expect(allowedLogins(where, allowed, asked)).toBe(allowed);
      const entry = { path: where, type: 'f', size: allowed.length, content: allowed };
      if (allowed !== '') expect(findUnsealed([entry], asked)).toEqual([]);
      if (where === keys) return;
      for (const [name, field] of allowed.split('\n').map(line => line.split(':')))
        if (field === HASH) expect([where, name]).toEqual(['etc/shadow', 'debian']);
    }),
  );
});

it('finds a file of accounts that could not be read, and one that is no file', () => {
  expect(findUnsealed([{ path: 'etc/shadow', type: 'f', size: 9 }], asked)).toHaveLength(1);
  expect(findUnsealed([{ path: keys, type: 'l', size: 9 }], asked)).toHaveLength(1);
});

it('takes the day of the build out of shadow, and leaves earlier days and what is no day', () => {
  const before = 'root:*:20413:0:99999:7:::\nold:!:100::::::\nforced:!:0::::::\nnone:!:::::::\n+::::::::\n';
  expect(changedBy(20000, before)).toBe(before.replace('20413', '20000'));
  expect(changedBy(20413, before)).toBe(before);
});
