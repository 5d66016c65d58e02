import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, CloudError, DefinitionError } from '../../src/host/errors.ts';
import { plainEnvironment, run } from '../../src/host/process.ts';
import { loadCloud } from '../../src/openstack/config/load.ts';
import { downloadImage } from '../../src/openstack/image/download.ts';
import {
  addTag,
  createImage,
  deleteImage,
  findImage,
  getImage,
  imageKeys,
  listImages,
  removeTag,
  setActive,
  updateImage,
} from '../../src/openstack/image/images.ts';
import { importMethods, listStores } from '../../src/openstack/image/import.ts';
import { addMember, answerSharing, listMembers, removeMember } from '../../src/openstack/image/members.ts';
import { uploadImage } from '../../src/openstack/image/upload.ts';
import { path, type Service } from '../../src/openstack/service.ts';
import type { Session } from '../../src/openstack/session.ts';
import type { TestCloud } from '../openstack/cloud.ts';
import { type FaultProxy, faultProxy } from '../openstack/fault-proxy.ts';
import { sharedCloud } from '../openstack/shared-cloud.ts';
import { type LoginOptions, login, uploadOf } from '../openstack/support.ts';
import { expectWhole, faultsOf, uploadThroughStorm } from '../openstack/uploads.ts';

const TYPES = ['compute', 'identity', 'image', 'network', 'placement'];

let folder: string;
let cloud: TestCloud;
let proxy: FaultProxy;
const sessions: Session[] = [];

beforeAll(async () => {
  folder = await mkdtemp('/tmp/image-factory-cloud-');
  cloud = await sharedCloud();
  proxy = await faultProxy(cloud.place.url('glance-staging'));
});

afterAll(async () => {
  for (const session of sessions) await session.dispatcher.destroy();
  await proxy?.close();
  await rm(folder, { recursive: true, force: true });
});

async function glance(name: string, options?: LoginOptions): Promise<Service> {
  const session = await login(cloud, name, options);
  sessions.push(session);
  return session.service('image');
}

const file = (name: string) => join(folder, name);

async function nothingLeft(tag: string, name = 'builder'): Promise<void> {
  expect(await listImages(await glance(name), { tag })).toEqual([]);
}

describe('Keystone', () => {
  it('takes a password, an application credential and a token, in any scope the user has', async () => {
    const builder = await login(cloud, 'builder');
    sessions.push(builder);
    const token = await builder.token();
    expect(token.project?.name).toBe('builder');
    expect(token.catalogue.map(({ type }) => type).sort()).toEqual(TYPES);
    const given = { credential: { kind: 'token', token: token.id } } as const;
    expect((await (await login(cloud, 'builder', { config: given })).token()).project?.name).toBe('builder');
    const robot = { credential: await applicationCredential(builder), scope: { kind: 'none' } } as const;
    expect((await (await login(cloud, 'builder', { config: robot })).token()).project?.name).toBe('builder');
    const system = await (await login(cloud, 'admin', { config: { scope: { kind: 'system' } } })).token();
    expect(system.project).toBeUndefined();
    const foreign = {
      scope: { kind: 'project', project: { name: 'tenant', domain: { id: 'default' } } },
    } as const;
    await expect((await login(cloud, 'builder', { config: foreign })).token()).rejects.toThrow(
      '401 Unauthorized',
    );
  });

  it('says in one line that the password, the address or the region is wrong', async () => {
    const { credential } = (await login(cloud, 'builder')).config;
    const wrong = { credential: { ...credential, password: 'x' } } as LoginOptions['config'] & {};
    const error = await (await login(cloud, 'builder', { config: wrong })).token().catch(each => each);
    expect(error).toBeInstanceOf(CloudError);
    expect(error.line).toMatch(
      /^could not log in to cloud builder in .*clouds\.yaml: 401 Unauthorized, .* \(Keystone at http:.*\/v3, request req-[-0-9a-f]+\): check the user builder, its domain and the password, and that it has a role in the project$/,
    );
    const lost = await glance('builder', { config: { region: 'stagin' } });
    const region = await lost
      .call({ what: 'x', method: 'GET', path: '/', accept: [200], result: z.any() })
      .catch(each => each);
    expect(region).toBeInstanceOf(DefinitionError);
    expect(region.line).toMatch(/has no region stagin: did you mean staging\?$/);
    const elsewhere = { config: { authUrl: `${cloud.place.url('glance-staging')}/v3` } };
    await expect((await login(cloud, 'builder', elsewhere)).token()).rejects.toThrow(CloudError);
  });

  it('is configured as openstacksdk is', async () => {
    const clouds = await readFile(cloud.cloudsFile, 'utf8');
    await writeFile(file('clouds.yaml'), `${clouds}${MORE_CLOUDS}`);
    await writeFile(file('secure.yaml'), 'clouds:\n  merged: { auth: { password: "from secure" } }\n');
    await writeFile(
      file('clouds-public.yaml'),
      'public-clouds:\n  pub: { auth: { auth_url: "https://pub.example:5000/v3", user_domain_name: P }, region_name: pr }\n',
    );
    const { stdout } = await run(['/usr/bin/python3', '-c', ASK_SDK], {
      cwd: folder,
      env: plainEnvironment({ HOME: folder }),
    });
    const context = createContext({ env: { HOME: folder } });
    const ours = await Promise.all(
      ['builder', 'admin-production', 'merged', 'several'].map(name =>
        loadCloud(context, { cloud: name }, folder),
      ),
    );
    expect(
      ours.map(({ authUrl, credential, region, interface: kind }) => ({
        url: authUrl,
        password: credential.kind === 'password' ? credential.password : undefined,
        user: credential.kind === 'password' && 'name' in credential.user ? credential.user.name : undefined,
        region,
        kind,
      })),
    ).toEqual(JSON.parse(stdout));
  });
});

const MORE_CLOUDS = `
  merged:
    profile: pub
    auth: { username: u, password: hidden, project_name: p }
    interface: internal
  several:
    auth: { auth_url: "https://x.example/v3", username: u, password: "1", project_name: p }
    regions: [east, west]
`;

/** What the SDK makes of the same files. */
const ASK_SDK = `
import json, openstack.config
c = openstack.config.OpenStackConfig()
out = []
for name in ('builder', 'admin-production', 'merged', 'several'):
    r = c.get_one(name)
    a = r.config['auth']
    out.append(dict(url=a['auth_url'], password=a['password'], user=a['username'],
                    region=r.region_name, kind=r.config.get('interface', 'public')))
print(json.dumps(out))
`;

async function applicationCredential(session: Session) {
  const identity = session.service('identity');
  const { user } = await tokenUser(session);
  const made = await identity.call({
    what: 'make an application credential',
    method: 'POST',
    path: path`/users/${user.id}/application_credentials`,
    json: { application_credential: { name: 'robot' } },
    accept: [201],
    result: z.object({ application_credential: z.object({ id: z.string(), secret: z.string() }) }),
  });
  const { id, secret } = made.result.application_credential;
  return { kind: 'application credential', id, secret } as const;
}

async function tokenUser(session: Session) {
  const { id } = await session.token();
  const result = z.object({ token: z.object({ user: z.object({ id: z.string() }) }) });
  const headers = { 'x-subject-token': id };
  const call = { what: 'read a token', method: 'GET', path: '/auth/tokens', headers, accept: [200] } as const;
  return (await session.service('identity').call({ ...call, result })).result.token;
}

describe('Glance', () => {
  it('stores exactly our bytes, private, and gives them back', async () => {
    const builder = await glance('builder');
    const upload = await uploadOf(file('a.img'), 5_000_001, ['whole']);
    const ids: string[] = [];
    const image = await uploadImage(builder, { ...upload, intend: async id => void ids.push(id) });
    expect(image).toMatchObject({ id: ids[0], status: 'active', visibility: 'private', size: upload.size });
    expect(image.hash).toEqual({ algorithm: 'sha512', value: upload.sha512 });
    await downloadImage(builder, image, file('back.img'));
    expect((await readFile(file('back.img'))).equals(await readFile(upload.file))).toBe(true);
    expect(await findImage(await glance('tenant'), image.id)).toBeUndefined();
    expect(await findImage(await glance('builder-production'), image.id)).toBeUndefined();
    await deleteImage(builder, image.id);
    await deleteImage(builder, image.id);
    await nothingLeft('whole');
  });

  it('shares, publishes, hides and withdraws as a public cloud lets', async () => {
    const [builder, tenant, admin] = [await glance('builder'), await glance('tenant'), await glance('admin')];
    const upload = await uploadOf(file('b.img'), 1000, ['life']);
    const { id } = await uploadImage(builder, {
      ...upload,
      image: { ...upload.image, properties: { os_distro: 'debian' } },
    });
    const project = (await tenant.session.token()).project?.id ?? '';

    await updateImage(builder, id, { visibility: 'shared' });
    await addMember(builder, id, project);
    await addMember(builder, id, project);
    expect(await listMembers(builder, id)).toEqual([{ project, status: 'pending' }]);
    await answerSharing(tenant, id, project, 'accepted');
    expect((await listImages(tenant, { tag: 'life' })).map(each => each.id)).toEqual([id]);
    await removeMember(builder, id, project);
    expect(await findImage(tenant, id)).toBeUndefined();

    const refused = await updateImage(builder, id, { visibility: 'public' }).catch(each => each);
    expect(refused).toMatchObject({ status: 8, httpStatus: 403 });
    expect(refused.line).toContain(`could not change the image ${id} to public: 403 Forbidden`);
    expect(await updateImage(admin, id, { visibility: 'public' })).toMatchObject({ visibility: 'public' });
    expect((await listImages(tenant, { tag: 'life' })).map(each => each.id)).toEqual([id]);

    await updateImage(builder, id, { hidden: true, properties: { os_distro: null, 'a/b~c': 'd' } });
    expect(await listImages(tenant, { tag: 'life' })).toEqual([]);
    const [hidden] = await listImages(tenant, { tag: 'life', hidden: true });
    expect(hidden).toMatchObject({ id, hidden: true, properties: { 'a/b~c': 'd' } });
    expect(hidden?.properties.os_distro).toBeUndefined();
    await addTag(builder, id, 'a tag');
    expect((await getImage(builder, id)).tags.sort()).toEqual(['a tag', 'life']);
    await removeTag(builder, id, 'a tag');

    await setActive(builder, id, false);
    await expect(downloadImage(tenant, await getImage(tenant, id), file('no.img'))).rejects.toThrow('403');
    await setActive(builder, id, true);
    await updateImage(builder, id, { protected: true });
    await expect(deleteImage(builder, id)).rejects.toMatchObject({ httpStatus: 403 });
    await updateImage(builder, id, { protected: false });
    await deleteImage(builder, id);
  });

  it('tells what it offers, and lists more than a page', async () => {
    const builder = await glance('builder');
    expect(await importMethods(builder)).toContain('glance-direct');
    expect(await listStores(builder)).toEqual([{ id: 'fs', isDefault: true }]);
    expect(await imageKeys(builder)).toContain('os_hidden');
    const made = Array.from({ length: 5 }, () => crypto.randomUUID());
    for (const id of made)
      await createImage(builder, { id, name: 'many', diskFormat: 'raw', tags: ['many'] });
    const listed = await listImages(builder, { tag: 'many' }, 2);
    expect(listed.map(({ id }) => id).sort()).toEqual([...made].sort());
    await Promise.all(made.map(id => deleteImage(builder, id)));
  });

  it('takes a staged file by its own import', async () => {
    const builder = await glance('builder');
    const upload = await uploadOf(file('c.img'), 300_000, ['staged']);
    const image = await uploadImage(builder, { ...upload, method: 'glance-direct' });
    expect(image).toMatchObject({ status: 'active', size: upload.size, diskFormat: 'raw' });
    await deleteImage(builder, image.id);
  });

  it('is refused when it converts on import, with the advice to upload what it stores', async () => {
    const builder = await glance('builder-converting');
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', file('d.qcow2'), '1M']);
    const { size } = await stat(file('d.qcow2'));
    const { stdout } = await run(['sha512sum', file('d.qcow2')]);
    const upload = {
      file: file('d.qcow2'),
      size,
      sha512: stdout.slice(0, 128),
      method: 'glance-direct',
    } as const;
    const image = { name: 'd', diskFormat: 'qcow2', tags: ['converted'] };
    const error = await uploadImage(builder, { ...upload, image }).catch(each => each);
    expect(error).toBeInstanceOf(CloudError);
    expect(error.line).toBe(
      `the cloud converts what it is given: ${file('d.qcow2')} was sent as qcow2 and is stored as raw: upload the raw form, whose digest can be compared`,
    );
    await nothingLeft('converted', 'builder-converting');
  });
});

describe('an upload', () => {
  const throughProxy = (more: LoginOptions = {}) =>
    glance('builder', { ...more, config: { endpoints: { image: proxy.url } } });

  it('ends whole, once, and with nothing else left, whatever one request in three meets', async () => {
    const count = 100;
    const seed = Number(process.env.STORM_SEED ?? 1);
    const storm = await uploadThroughStorm(cloud, folder, { count, seed, size: 60_000, tag: 'storm' });
    console.log(`faults: ${faultsOf(storm)}`);
    expect(storm.faults.size).toBe(6);
    expectWhole(storm, count);
    const builder = await glance('builder-production');
    for (const { id } of storm.listed) await deleteImage(builder, id);
  });

  it('that stalls is given up and started over', async () => {
    let puts = 0;
    proxy.choose(request => {
      if (request.method !== 'PUT' || ++puts > 1) return undefined;
      return { kind: 'stall', at: 1_000_000 };
    });
    const upload = await uploadOf(file('e.img'), 8_000_000, ['stalled']);
    const image = await uploadImage(await throughProxy(), {
      ...upload,
      patience: { stall: 1500, settle: 2000 },
    });
    expect(puts).toBe(2);
    expect(image.hash?.value).toBe(upload.sha512);
    expect(await listImages(await glance('builder'), { tag: 'stalled' })).toHaveLength(1);
    await deleteImage(await glance('builder'), image.id);
  });

  it('that is cancelled leaves nothing, within seconds', async () => {
    const controller = new AbortController();
    const rate = 1_000_000;
    proxy.choose(request => (request.method === 'PUT' ? { kind: 'slow', rate } : undefined));
    const builder = await throughProxy({ context: { signal: controller.signal } });
    const upload = await uploadOf(file('f.img'), 20_000_000, ['cancelled']);
    const uploading = uploadImage(builder, upload);
    setTimeout(() => controller.abort(), 2000);
    const began = performance.now();
    await expect(uploading).rejects.toBeInstanceOf(CancelledError);
    expect(performance.now() - began).toBeLessThan(10_000);
    await nothingLeft('cancelled');
  });

  it('of a file that is not what the bundle says is refused and removed', async () => {
    const upload = await uploadOf(file('g.img'), 1000, ['other']);
    const builder = await glance('builder');
    const error = await uploadImage(builder, { ...upload, sha512: 'f'.repeat(128) }).catch(each => each);
    expect(error).toMatchObject({ status: 7 });
    const shorter = await uploadImage(builder, { ...upload, size: 1001 }).catch(each => each);
    expect(shorter.line).toContain('is not the file that was to be uploaded: its size changed');
    await nothingLeft('other');
  });
});
