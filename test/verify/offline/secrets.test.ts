import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDistinctive } from '../../../src/verify/offline/scan.ts';
import { entropy, findSecrets } from '../../../src/verify/offline/secrets.ts';

// Put together here, so that no scanner of repositories takes this file for a leak.
const SECRETS: Readonly<Record<string, string>> = {
  'a private key': `${'-----BEGIN OPENSSH'} PRIVATE KEY-----\nb3BlbnNzaC1rZXk`,
  'an AWS access key': `AKIA${'Q3EGRIZ4XTYPLMNB'}`,
  'a GitHub token': `ghp_${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5'}`,
  'a GitLab token': `glpat-${'x7Tq_9Lm-2ZpR4vKw8Ny'}`,
  'an npm token': `npm_${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5'}`,
  'an address with a password': `https://ci:${'hunter2222'}@git.example/x.git`,
};

test.each(Object.entries(SECRETS))('finds %s, wherever it stands', (kind, secret) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      expect(findSecrets(`${before}\n${secret}\n${after}`)).toContain(kind);
    }),
  );
});

test('finds what a machine made under the name of a secret', () => {
  for (let turn = 0; turn < 50; turn++) {
    const hex = randomBytes(24).toString('hex');
    expect(findSecrets(`export API_TOKEN=${hex}\n`), hex).toHaveLength(1);
  }
  expect(findSecrets('db_password: "vK8#"')).toEqual([]);
  expect(findSecrets('secret_key_file = /etc/ssl/private/server.key.of.this.host')).toEqual([]);
  expect(findSecrets('password = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')).toEqual([]);
});

test('public keys and digests are no secrets', () => {
  expect(findSecrets('-----BEGIN PUBLIC KEY-----\nMFkw\n')).toEqual([]);
  expect(findSecrets(`${randomBytes(32).toString('hex')}  usr/bin/tool`)).toEqual([]);
});

test('the entropy of evenly spread characters is the logarithm of their number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), count => {
      const text = Array.from({ length: count }, (_, index) => String.fromCharCode(64 + index)).join('');
      expect(entropy(text)).toBeCloseTo(Math.log2(count));
    }),
  );
});

test.each([
  ['fv-az1234-567', true],
  ['build7.corp.example', true],
  ['vm', false],
  ['localhost', false],
  ['debian-12', false],
  ['builder', false],
])('whether %s is a name to look for: %s', (name, distinctive) => {
  expect(isDistinctive(name)).toBe(distinctive);
});
