import { expect, it, onTestFinished } from 'vitest';
import { serveMetadata } from '../../../src/boot/metadata/server.ts';

async function served() {
  const zipped = Buffer.from([0x1f, 0x8b, 0, 255]);
  const server = await serveMetadata({
    'openstack/latest/meta_data.json': '{"uuid":"i-1"}',
    'openstack/latest/user_data': zipped,
  });
  onTestFinished(() => server.close());
  const get = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers: { connection: 'close' } });
  return { server, get, zipped };
}

it('answers as a cloud does: versions, what there is, and the bytes of it', async () => {
  const { get, zipped } = await served();
  expect((await (await get('/openstack')).text()).split('\n')).toContain('2018-08-27');
  for (const version of ['latest', '2018-08-27']) {
    expect(await (await get(`/openstack/${version}/meta_data.json`)).json()).toEqual({ uuid: 'i-1' });
    expect(Buffer.from(await (await get(`/openstack/${version}/user_data`)).arrayBuffer())).toEqual(zipped);
    expect(await (await get(`/openstack/${version}/`)).text()).toBe('meta_data.json\nuser_data');
  }
});

it('has nothing else, and takes nothing', async () => {
  const { get } = await served();
  for (const path of [
    '/',
    '/latest/meta-data/',
    '/openstack/2011-01-01/user_data',
    '/openstack/latest/password',
  ]) {
    expect((await get(path)).status, path).toBe(404);
  }
  expect((await get('/openstack/latest/user_data', 'POST')).status).toBe(405);
});

it('remembers what it was asked, and is gone when it is closed', async () => {
  const { server, get } = await served();
  await get('/openstack');
  await get('/openstack?x=1');
  expect(server.asked()).toEqual(['/openstack']);
  await server.close();
  await expect(get('/openstack')).rejects.toThrow();
});
