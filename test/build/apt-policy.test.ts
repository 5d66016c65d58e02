import { expect, it } from 'vitest';
import { candidatesFrom } from '../../src/build/apt-policy.ts';

/** As apt-cache policy of Debian 12 says it. */
const POLICY = `driver:
  Installed: (none)
  Candidate: 7.1
  Version table:
     7.1 400
        400 http://private.example/apt  Packages
        500 http://public.example/debian bookworm/main amd64 Packages
     7.0 500
        500 http://other.example/apt bookworm/main amd64 Packages
grep:
  Installed: 3.8-5
  Candidate: 3.8-5
  Version table:
     4.0 -1
         -1 http://private.example/apt  Packages
 *** 3.8-5 500
        500 http://public.example/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
`;

it.each([
  ['http://private.example/apt', ['driver']],
  ['http://public.example/debian', ['driver', 'grep']],
  ['http://other.example/apt', []],
  ['http://private.example', []],
])('takes from %s the candidates %j', (uri, names) => expect(candidatesFrom(POLICY, [uri])).toEqual(names));

it('takes nothing from no words', () => expect(candidatesFrom('', ['http://x.example'])).toEqual([]));
