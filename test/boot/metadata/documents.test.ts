import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { networkData, noCloudDocuments, openStackDocuments } from '../../../src/boot/metadata/documents.ts';

const data = { instanceId: 'i-1', hostName: 'guest', publicKey: 'k', userData: 'u' };

it('writes meta-data that is YAML, whatever the key says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), publicKey => {
      const text = String(noCloudDocuments({ ...data, publicKey })['meta-data']);
      expect(parse(text)['public-keys']).toEqual([publicKey]);
    }),
  );
});

it('leaves out what there is not: vendor-data, network data', () => {
  expect(Object.keys(noCloudDocuments(data))).toEqual(['meta-data', 'user-data']);
  expect(Object.keys(openStackDocuments(data))).toEqual([
    ...['openstack/latest/meta_data.json', 'openstack/latest/user_data'],
  ]);
});

it('tells addresses, routes and MTU as Nova does', () => {
  const told = networkData({
    ...{ router: '10.70.83.2', resolver: '10.70.83.53' },
    first: { mac: '52:54:00:83:01:02', address: '10.70.83.77', ipv6: 'fd0a::77', mtu: 1400 },
    second: { mac: '52:54:00:84:01:02', address: '10.70.84.77' },
  });
  expect(told.links.map(({ id, mtu }) => [id, mtu])).toEqual([
    ['first', 1400],
    ['second', null],
  ]);
  expect(told.networks).toHaveLength(3);
  expect(told.networks[0]).toMatchObject({ routes: [{ network: '0.0.0.0', gateway: '10.70.83.2' }] });
  expect(told.networks[1]).toMatchObject({ type: 'ipv6', ip_address: 'fd0a::77', netmask: '64' });
  expect(told.services).toEqual([{ type: 'dns', address: '10.70.83.53' }]);
});
