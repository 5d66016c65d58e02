import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entriesSince } from '../../src/compare/changelog.ts';

const CHANGELOG = `openssl (3.0.17-1~deb12u3) bookworm-security; urgency=medium

  * CVE-2025-9230 (Out-of-bounds read & write in RFC 3211 KEK Unwrap),
    and CVE-2025-9232
  * Another fix

 -- A Maintainer <a@debian.example>  Tue, 30 Sep 2025 21:53:08 +0200

openssl (3.0.17-1~deb12u2) bookworm; urgency=medium

  [ Somebody ]
  * Apply a fix

 -- A Maintainer <a@debian.example>  Mon, 08 Sep 2025 00:00:00 +0200

openssl (3.0.16-1~deb12u1) bookworm; urgency=medium

  * New release

 -- A Maintainer <a@debian.example>  Mon, 07 Apr 2025 00:00:00 +0200
`;

describe('entriesSince', () => {
  it('gives what came after a version, newest first, with the CVEs that are named', () =>
    expect(entriesSince(CHANGELOG, '3.0.16-1~deb12u1')).toEqual([
      {
        version: '3.0.17-1~deb12u3',
        items: [
          'CVE-2025-9230 (Out-of-bounds read & write in RFC 3211 KEK Unwrap), and CVE-2025-9232',
          'Another fix',
        ],
        cves: ['CVE-2025-9230', 'CVE-2025-9232'],
      },
      { version: '3.0.17-1~deb12u2', items: ['[ Somebody ]', 'Apply a fix'], cves: [] },
    ]));

  it('gives nothing where nothing came after', () =>
    expect(entriesSince(CHANGELOG, '3.0.17-1~deb12u3')).toEqual([]));

  it('gives the newest only where the version is not among them: the whole history would be noise', () =>
    expect(entriesSince(CHANGELOG, '1.0').map(each => each.version)).toEqual(['3.0.17-1~deb12u3']));

  it('takes any text, and gives no more entries than it has heads', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), fc.string(), (text, before) => {
        expect(entriesSince(text, before).length).toBeLessThanOrEqual(1 + text.split('\n').length);
      }),
    ));
});
