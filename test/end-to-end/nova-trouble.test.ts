import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageFile, Manifest } from '../../src/bundle/types.ts';
import { deleteImage, updateImage } from '../../src/openstack/image/images.ts';
import { uploadImage } from '../../src/openstack/image/upload.ts';
import { Caller } from '../openstack/admin.ts';
import { type Bed, openBed } from '../openstack/bed.ts';
import type { TestCloud } from '../openstack/cloud.ts';
import { count } from '../openstack/holdings.ts';
import { idsOf, killOne, THINGS } from '../openstack/nova-kills.ts';
import { NEUTRON } from '../openstack/services/neutron.ts';
import { NOVA } from '../openstack/services/nova.ts';
import { sharedCloud } from '../openstack/shared-cloud.ts';
import { run, start } from './program.ts';

/** What a cloud will not do is told in one line, with a status of its own; nothing of the attempt is left. */
describe('a real cloud that refuses', () => {
  let cloud: TestCloud;
  let bed: Bed;
  let image: string;
  let nova: Caller;
  let neutron: Caller;
  let project: string;

  beforeAll(async () => {
    cloud = await sharedCloud();
    bed = await openBed(cloud, 'tenant');
    const admin = await Caller.login(cloud.place, 'admin');
    nova = admin.at(`${cloud.place.url(NOVA)}/v2.1`);
    neutron = admin.at(`${cloud.place.url(NEUTRON)}/v2.0`);
    project = (await bed.session.token()).project?.id ?? '';
    image = await uploadOnce(bed);
  });

  afterAll(async () => {
    await deleteImage(bed.session.service('image'), image);
    await bed.close();
  });

  async function expectRefusal(line: RegExp, ...words: string[]): Promise<void> {
    const argv = bed.verify('--cloud-image', image, '--only', 'ssh', ...words);
    const { status, output } = await run(argv, bed.env);
    expect(status, output).toBe(8);
    const told = output.split('\n').filter(each => /^error: /.test(each));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(line);
    await bed.expectClean(image);
  }

  it('a server for want of quota', async () => {
    const set = (instances: number) =>
      nova.call('PUT', `/os-quota-sets/${project}`, { quota_set: { instances } });
    await set(0);
    await expectRefusal(/Quota exceeded.*: the quota is used up/);
    await set(10);
  });

  it('a floating IP for want of quota', async () => {
    const set = (floatingip: number) => neutron.call('PUT', `/quotas/${project}`, { quota: { floatingip } });
    await set(0);
    await expectRefusal(/floating IP.*[Qq]uota exceeded.*: the quota is used up/);
    await set(50);
  });

  it('a floating IP where none is left', async () => {
    const full = await fullNetwork(neutron);
    await expectRefusal(
      /floating IP.*No more IP addresses.*: the network has no address left/,
      '--floating-network',
      full,
    );
  });

  it('a server for which no host has room', async () => {
    await nova.named('flavors', 'm1.huge', { ram: 512, disk: 100_000, vcpus: 1 });
    await expectRefusal(
      /failed: No valid host was found.*: no host has room for this flavor/,
      '--flavor',
      'm1.huge',
    );
  });

  it('an image that wants more disk or memory than the flavor has', async () => {
    const glance = bed.session.service('image');
    await updateImage(glance, image, { minDisk: 5 });
    await expectRefusal(
      /disk is smaller than the minimum.*: the image needs a larger flavor/,
      '--flavor',
      'm1.guest',
    );
    await updateImage(glance, image, { minDisk: 0, minRam: 1024 });
    await expectRefusal(/memory is too small.*: the image needs a larger flavor/, '--flavor', 'm1.guest');
    await updateImage(glance, image, { minRam: 0 });
  });
});

/** A stranger's things, with names next to ours, are in the project all the time. */
describe('what verifications leave in a real cloud', () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await openBed(await sharedCloud(), 'tenant');
  });

  afterAll(() => bed?.close());

  it('is no server when they are cancelled, and nothing at all after the next reap', async () => {
    const { servers } = await bed.holds();
    const before = count(await bed.holds());
    const program = start(bed.verify(), bed.env);
    await expect.poll(async () => count(await bed.holds()), { timeout: 300_000 }).toBe(before + 7);
    program.child.kill('SIGINT');
    const began = performance.now();
    const { status, output } = await program.ended;
    expect(status, output).toBe(130);
    expect(performance.now() - began).toBeLessThan(15_000);
    // The seconds that who is cancelled has may be too few for the last of it in a slow cloud.
    await expect.poll(async () => (await bed.holds()).servers, { timeout: 120_000 }).toEqual(servers);
    const reaped = await bed.reap('--no-dry-run');
    expect(reaped.status, reaped.output).toBe(0);
    await bed.expectClean();
  });

  it('is found and removed by reap when they are killed, which first says what it would', async () => {
    const before = new Set(await idsOf(bed));
    const at = { only: [], intended: THINGS, wait: 1000 };
    const { killed, left } = await killOne(bed, at, before);
    expect(killed).toBe(true);
    expect(left.length).toBeGreaterThan(THINGS - 2);
    const held = await bed.holds();
    const seen = await bed.reap();
    expect(seen.output).toContain(`would remove ${left.length},`);
    expect(await bed.holds()).toEqual(held);
    const { status, output } = await bed.reap('--no-dry-run');
    expect(status, output).toBe(0);
    await bed.expectClean();
  });
});

/** The bundle's image, in the cloud for as long as the tests last. @returns its id */
async function uploadOnce({ bundle, session }: Bed): Promise<string> {
  const manifest = JSON.parse(await readFile(join(bundle, 'core/manifest.json'), 'utf8')) as Manifest;
  const { path, size, sha512 } = manifest.files.find(({ form }) => form === 'qcow2') as ImageFile;
  const image = { name: 'refused', diskFormat: 'qcow2', tags: [] };
  const upload = { file: join(bundle, 'core', path), size, sha512, image };
  return (await uploadImage(session.service('image'), upload)).id;
}

/** An external network whose only address is taken. @returns its name */
async function fullNetwork(neutron: Caller): Promise<string> {
  const name = 'full';
  const { id } = await neutron.named('networks', name, {
    ...{ 'router:external': true, 'provider:network_type': 'local' },
  });
  const [start, end] = ['203.0.113.10', '203.0.113.10'];
  await neutron.named('subnets', name, {
    ...{ network_id: id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false },
    allocation_pools: [{ start, end }],
  });
  await neutron.named('ports', name, { network_id: id });
  return name;
}
