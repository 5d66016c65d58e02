import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { makeSeedDisk, metaData } from '../../src/boot/seed.ts';
import { run } from '../../src/host/process.ts';
import { temporary } from './temporary.ts';

const seed = {
  instanceId: 'i-1',
  hostName: 'guest',
  publicKey: 'ssh-ed25519 AAAA image-factory',
  userData: '#cloud-config\nruncmd: []\n',
};

it('makes a disk that mtools reads, with the label that cloud-init looks for', async () => {
  const disk = join(await temporary(), 'seed.img');
  await makeSeedDisk(disk, seed, new AbortController().signal);
  expect((await run(['mlabel', '-s', '-i', disk, '::'])).stdout).toMatch(/CIDATA/);
  expect((await run(['mtype', '-i', disk, '::user-data'])).stdout).toBe(seed.userData);
  expect(parse((await run(['mtype', '-i', disk, '::meta-data'])).stdout)).toEqual({
    'instance-id': 'i-1',
    'local-hostname': 'guest',
    'public-keys': [seed.publicKey],
  });
});

it('writes meta-data that is YAML, whatever the key says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), publicKey => {
      expect(parse(metaData({ ...seed, publicKey }))['public-keys']).toEqual([publicKey]);
    }),
  );
});
