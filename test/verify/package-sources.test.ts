import { expect, it } from 'vitest';
import { readdressedSources, readGuestSources } from '../../src/verify/package-sources.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const GUEST = `bookworm
### file sources.list
# moved

### file sources.list.d/vendor.list
deb [signed-by=/etc/apt/keyrings/vendor.asc] https://vendor.example/debian bookworm main
deb http://old.example/debian bullseye main

### file sources.list.d/debian.sources
Types: deb
URIs: https://deb.acme.example/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Signed-By: ${KEYRING}

Types: deb
URIs: https://deb.acme.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN debian-archive-----
 .
 abc
`;

it("takes the distribution's own sources for this release, and counts the others", () => {
  const { own, others } = readGuestSources(GUEST);
  expect(own.flatMap(({ suites }) => suites)).toEqual(['bookworm', 'bookworm-updates', 'bookworm-security']);
  expect(others).toBe(2);
  expect(readGuestSources('')).toEqual({ own: [], others: 0 });
});

it('says them anew at another address, and trusts no other key', () => {
  const { own } = readGuestSources(GUEST);
  expect(readdressedSources(own, 'http://10.0.0.2:80')).toBe(`Types: deb
URIs: http://10.0.0.2:80/archive
Suites: bookworm
Components: main non-free-firmware
signed-by: ${KEYRING}

Types: deb
URIs: http://10.0.0.2:80/archive
Suites: bookworm-updates
Components: main non-free-firmware
signed-by: ${KEYRING}

Types: deb
URIs: http://10.0.0.2:80/security
Suites: bookworm-security
Components: main
signed-by: -----BEGIN debian-archive-----
 .
 abc
`);
});
