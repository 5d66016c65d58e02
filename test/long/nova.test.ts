import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageFile, Manifest } from '../../src/bundle/types.ts';
import { createContext } from '../../src/host/context.ts';
import { silentLog } from '../../src/host/log.ts';
import { deleteImage } from '../../src/openstack/image/images.ts';
import { uploadImage } from '../../src/openstack/image/upload.ts';
import type { Session } from '../../src/openstack/session.ts';
import type { Report } from '../../src/verify/types.ts';
import { type Ended, run, start } from '../end-to-end/program.ts';
import { random, seedOf } from '../end-to-end/random.ts';
import { ownBundle, type SharedImage, sharedImage } from '../end-to-end/shared-image.ts';
import { Caller } from '../openstack/admin.ts';
import { bringUp, type TestCloud, wipe } from '../openstack/cloud.ts';
import { holdings, seedStranger } from '../openstack/holdings.ts';
import { NEUTRON } from '../openstack/services/neutron.ts';
import { NOVA } from '../openstack/services/nova.ts';
import { login } from '../openstack/support.ts';

const KILLS = Number(process.env.KILLS ?? 50);

/** The shared image in a real Nova, reached through a real floating IP; the cloud is empty of ours after each test. */
describe('in a real cloud', () => {
  let folder: string;
  let cloud: TestCloud;
  let shared: SharedImage;
  let bundle: string;
  let builder: Session;
  let env: NodeJS.ProcessEnv;
  let before: Awaited<ReturnType<typeof holdings>>;

  const verify = (...words: string[]) => [
    ...['verify', bundle, '--factory', join(shared.workspace, 'factory.yaml')],
    ...['--machine', 'nova', '--cloud', 'builder', '--no-install-tools', ...words],
  ];

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/image-factory-nova-');
    shared = await sharedImage();
    bundle = await ownBundle(shared, folder);
    const log = { ...silentLog, info: (line: string) => console.log(line) };
    const context = createContext({ env: process.env, log });
    cloud = await bringUp(context, join(folder, 'cloud'), { tier: 2, regions: [{ name: 'staging' }] });
    env = {
      ...process.env,
      XDG_STATE_HOME: join(folder, 'state'),
      OS_CLIENT_CONFIG_FILE: cloud.cloudsFile,
    };
    builder = await login(cloud, 'builder');
    await seedStranger(builder);
    before = await holdings(builder);
  });

  afterAll(async () => {
    await builder?.dispatcher.destroy();
    await wipe(join(folder, 'cloud'));
    await rm(folder, { recursive: true, force: true });
  });

  it('an image is ACTIVE, reached by a floating IP, passes every check, and leaves nothing', async () => {
    const { status, output } = await run(verify(), env);
    expect(output).toMatch(/passed +rebuild: /);
    expect(status, output).toBe(0);
    const statement = /statements\/verdict\/[^\s]+/.exec(output)?.[0];
    const folderOf = statement === undefined ? '' : join(bundle, statement);
    const report = JSON.parse(await readFile(join(folderOf, 'report.json'), 'utf8')) as Report;
    expect(report).toMatchObject({ place: 'nova:builder/staging', passed: true });
    expect(report.machine.cloud).toMatchObject({ network: 'private', server: expect.stringMatching(UUID) });
    expect(report.machine.cloud?.['floating IP']).toMatch(UUID);
    expect(await holdings(builder)).toEqual(before);
  });

  it('what killed verifications leave, the next one or reap removes, and nothing of a stranger', async () => {
    const seed = seedOf('KILL_SEED');
    const next = random(seed);
    console.log(`KILL_SEED=${seed}`);
    let left = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const program = start(verify(), env);
      await program.says(/image-factory-\d{8}T/);
      await delay(next() * 12_000);
      process.kill(-(program.child.pid ?? 0), 'SIGKILL');
      await program.ended;
      left += Object.values(await holdings(builder)).flat().length - Object.values(before).flat().length;
    }
    expect(left).toBeGreaterThan(0);
    const seen = await run(['reap', '--cloud', 'builder'], env);
    expect(seen.output).toMatch(/would remove [a-z ]+ \S+ of image-factory-/);
    const { status, output } = await run(['reap', '--cloud', 'builder', '--no-dry-run'], env);
    expect(status, output).toBe(0);
    expect(await holdings(builder)).toEqual(before);
  });

  describe('that refuses', () => {
    let image: string;
    let admin: Caller;

    beforeAll(async () => {
      const manifest = JSON.parse(await readFile(join(bundle, 'core/manifest.json'), 'utf8')) as Manifest;
      const file = manifest.files.find(({ form }) => form === 'qcow2') as ImageFile;
      const upload = { file: join(bundle, 'core', file.path), size: file.size, sha512: file.sha512 };
      const described = { name: 'refused', diskFormat: 'qcow2', tags: [] };
      image = (await uploadImage(builder.service('image'), { ...upload, image: described })).id;
      admin = await Caller.login(cloud.place, 'admin');
    });

    afterAll(() => deleteImage(builder.service('image'), image));

    const attempt = () => run(verify('--cloud-image', image, '--only', 'ssh'), env);
    const project = async () => (await builder.token()).project?.id;

    async function expectRefusal({ status, output }: Ended, line: RegExp): Promise<void> {
      expect(status, output).toBe(8);
      const told = output.split('\n').filter(each => /^error: /.test(each));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(line);
      expect(await holdings(builder)).toEqual({
        ...before,
        images: [...(before.images ?? []), image].sort(),
      });
    }

    it('a server for want of quota, says so in one line and with the status of a cloud', async () => {
      const nova = admin.at(`${cloud.place.url(NOVA)}/v2.1`);
      const set = async (instances: number) =>
        nova.call('PUT', `/os-quota-sets/${await project()}`, { quota_set: { instances } });
      await set(0);
      await expectRefusal(await attempt(), /Quota exceeded.*: the quota is used up/);
      await set(10);
    });

    it('a floating IP for want of quota', async () => {
      const neutron = admin.at(`${cloud.place.url(NEUTRON)}/v2.0`);
      const set = async (floatingip: number) =>
        neutron.call('PUT', `/quotas/${await project()}`, { quota: { floatingip } });
      await set(0);
      await expectRefusal(await attempt(), /floating IP: .*[Qq]uota exceeded.*: the quota is used up/);
      await set(50);
    });

    it('a server for which no host has room', async () => {
      const nova = admin.at(`${cloud.place.url(NOVA)}/v2.1`);
      await nova.named('flavors', 'm1.huge', { ram: 512, disk: 100_000, vcpus: 1 });
      const words = verify('--cloud-image', image, '--only', 'ssh', '--flavor', 'm1.huge');
      const line = /failed: No valid host was found.*: no host has room for this flavor/;
      await expectRefusal(await run(words, env), line);
    });
  });
});

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;
