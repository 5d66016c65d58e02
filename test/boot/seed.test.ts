import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { noCloudDocuments, openStackDocuments } from '../../src/boot/metadata/documents.ts';
import { LABELS, makeSeedDisk } from '../../src/boot/seed.ts';
import { run } from '../../src/host/process.ts';
import { temporary } from './temporary.ts';

const data = {
  instanceId: 'i-1',
  hostName: 'guest',
  publicKey: 'ssh-ed25519 AAAA image-factory',
  userData: '#cloud-config\nruncmd: []\n',
};

async function diskOf(documents: Parameters<typeof makeSeedDisk>[1], label: string) {
  const disk = join(await temporary(), 'seed.img');
  await makeSeedDisk(disk, documents, label, new AbortController().signal);
  expect((await run(['mlabel', '-s', '-i', disk, '::'])).stdout).toContain(label);
  return async (path: string) => (await run(['mtype', '-i', disk, `::${path}`])).stdout;
}

it('makes a disk that mtools reads, with the label that cloud-init looks for', async () => {
  const read = await diskOf(noCloudDocuments(data), LABELS.nocloud);
  expect(await read('user-data')).toBe(data.userData);
  expect(parse(await read('meta-data'))).toEqual({
    'instance-id': 'i-1',
    'local-hostname': 'guest',
    'public-keys': [data.publicKey],
  });
});

it('makes a config drive with the folders of OpenStack', async () => {
  const read = await diskOf(openStackDocuments({ ...data, vendorData: '#!/bin/sh' }), LABELS['config-drive']);
  expect(await read('openstack/latest/user_data')).toBe(data.userData);
  expect(JSON.parse(await read('openstack/latest/meta_data.json'))).toMatchObject({
    uuid: 'i-1',
    name: 'guest',
  });
  expect(JSON.parse(await read('openstack/latest/vendor_data.json'))).toEqual({ 'cloud-init': '#!/bin/sh' });
});
