import { expect, it } from 'vitest';
import { endpointOf } from '../../src/openstack/catalogue.ts';
import type { CloudConfig } from '../../src/openstack/config/types.ts';

const CATALOGUE = [
  {
    type: 'image',
    endpoints: [
      { interface: 'public', region: 'north', url: 'https://glance.north' },
      { interface: 'internal', region: 'north', url: 'http://10.0.0.1:9292/' },
      { interface: 'public', region: 'south', url: 'https://south/image/v2/' },
    ],
  },
  {
    type: 'compute',
    endpoints: [{ interface: 'public', region: 'north', url: 'https://nova/v2.1/project' }],
  },
];

const config = (more: Partial<CloudConfig>) =>
  ({ label: 'cloud a', interface: 'public', interfaces: {}, endpoints: {}, ...more }) as CloudConfig;

it('finds a service by region and interface, and adds the version it lacks', () => {
  const north = config({ region: 'north' });
  expect(endpointOf(north, CATALOGUE, 'image')).toBe('https://glance.north/v2');
  expect(endpointOf(north, CATALOGUE, 'compute')).toBe('https://nova/v2.1');
  expect(endpointOf(config({ region: 'south' }), CATALOGUE, 'image')).toBe('https://south/image/v2');
  const inside = config({ region: 'north', interfaces: { image: 'internal' } });
  expect(endpointOf(inside, CATALOGUE, 'image')).toBe('http://10.0.0.1:9292/v2');
});

it('takes an override without asking the catalogue', () => {
  const told = config({ endpoints: { network: 'https://neutron.example/' } });
  expect(endpointOf(told, [], 'network')).toBe('https://neutron.example/v2.0');
});

it('says in one line what is not there', () => {
  const said = (each: CloudConfig, type: 'image' | 'network' = 'image') => {
    try {
      return endpointOf(each, CATALOGUE, type);
    } catch (error) {
      return `${(error as { status: number }).status} ${(error as { line: string }).line}`;
    }
  };
  expect(said(config({ region: 'nort' }))).toBe('2 cloud a has no region nort: did you mean north?');
  expect(said(config({}))).toBe(
    '2 cloud a has several regions and none is chosen: set region_name to north or south',
  );
  expect(said(config({ region: 'north' }), 'network')).toBe(
    '8 cloud a has no public endpoint of the network service in north: its catalogue has no network service at all',
  );
  expect(said(config({ region: 'south', interface: 'internal' }))).toBe(
    '8 cloud a has no internal endpoint of the image service in south: it has public in north, internal in north or public in south',
  );
});
