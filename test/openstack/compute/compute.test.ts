import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CloudError, DefinitionError } from '../../../src/host/errors.ts';
import { type Compute, older, openCompute } from '../../../src/openstack/compute/compute.ts';
import { chooseFlavor } from '../../../src/openstack/compute/flavors.ts';
import { createKeypair } from '../../../src/openstack/compute/keypairs.ts';
import {
  consoleLog,
  createServer,
  type NewServer,
  waitForServer,
  waitForServerGone,
} from '../../../src/openstack/compute/servers.ts';
import { type Handler, json, type OddServer, oddServer } from '../server.ts';

let server: OddServer;

afterEach(() => server.close());

const versions =
  (min: string, max: string): Handler =>
  (_, response) =>
    json(response, { version: { version: max, min_version: min } });

/** A Nova that answers `METHOD /path` as told; what is not told is 404. */
async function nova(
  answers: Readonly<Record<string, Handler>>,
  options: { now?: () => Date } = {},
): Promise<Compute> {
  const all: Record<string, Handler> = { 'GET /v2.1/': versions('2.1', '2.93'), ...answers };
  server = await oddServer((request, response) => {
    const asked = `${request.method} ${request.url?.split('?')[0]}`;
    (all[asked] ?? ((_, none) => json(none, { itemNotFound: { message: 'none' } }, 404)))(request, response);
  });
  return openCompute(await server.session(options));
}

const shown = (more: object) => ({
  id: 's1',
  name: 'a',
  status: 'BUILD',
  created: '2026-11-21T00:00:00Z',
  ...more,
});
const NEW: NewServer = {
  name: 'a',
  image: 'i',
  flavor: 'f',
  networks: [{ port: 'p' }],
  tags: ['run-1'],
  userData: '#cloud-config',
};

describe('the microversion', () => {
  it('is the newest that both sides know, and is sent with every request', async () => {
    const compute = await nova({
      'POST /v2.1/servers/s1/action': (request, response) =>
        json(response, { output: `${request.headers['openstack-api-version']} ${request.text}` }),
    });
    expect(compute.microversion).toBe('2.79');
    expect(await consoleLog(compute, 's1', 5)).toBe('compute 2.79 {"os-getConsoleOutput":{"length":5}}');
  });

  it('is refused when the cloud is too old, or too new', async () => {
    await expect(nova({ 'GET /v2.1/': versions('2.1', '2.9') })).rejects.toThrow('speaks 2.1 to 2.9');
    await server.close();
    await expect(nova({ 'GET /v2.1/': versions('2.80', '2.100') })).rejects.toThrow(CloudError);
  });

  it('is compared as numbers', () => {
    expect(older('2.9', '2.52')).toBe('2.9');
    expect(older('2.100', '2.79')).toBe('2.79');
  });
});

describe('a server', () => {
  it('is made with all that was asked for, and is not made twice when the answer is lost', async () => {
    const made: unknown[] = [];
    const compute = await nova({
      'POST /v2.1/servers': request => {
        made.push(JSON.parse(request.text).server);
        request.socket.destroy();
      },
      'GET /v2.1/servers/detail': (_, response) =>
        json(response, { servers: [shown({ name: 'b', id: 's0' }), shown({})] }),
    });
    expect(await createServer(compute, NEW)).toBe('s1');
    expect(made).toEqual([
      {
        name: 'a',
        imageRef: 'i',
        flavorRef: 'f',
        networks: [{ port: 'p' }],
        tags: ['run-1'],
        config_drive: false,
        user_data: Buffer.from('#cloud-config').toString('base64'),
      },
    ]);
    expect(server.asked).toContain('GET /v2.1/servers/detail?tags=run-1');
  });

  it('is asked for again when the first request made none', async () => {
    let tries = 0;
    const compute = await nova({
      'POST /v2.1/servers': (request, response) => {
        if (++tries === 1) request.socket.destroy();
        else json(response, { server: { id: 's2' } }, 202);
      },
      'GET /v2.1/servers/detail': (_, response) => json(response, { servers: [] }),
    });
    expect(await createServer(compute, NEW)).toBe('s2');
  });

  it('is waited for until Nova has nothing more to do to it', async () => {
    const stages = [{}, { status: 'ACTIVE', 'OS-EXT-STS:task_state': 'spawning' }, { status: 'ACTIVE' }];
    const compute = await nova({
      'GET /v2.1/servers/s1': (_, response) => json(response, { server: shown(stages.shift() ?? {}) }),
    });
    expect(await waitForServer(compute, 's1', 'ACTIVE', 60_000)).toMatchObject({ status: 'ACTIVE' });
    expect(stages).toEqual([]);
  });

  it('that fails tells Nova’s own words', async () => {
    const fault = { code: 500, message: 'No valid host was found.\u001b[0m' };
    const compute = await nova({
      'GET /v2.1/servers/s1': (_, response) => json(response, { server: shown({ status: 'ERROR', fault }) }),
    });
    const error = await waitForServer(compute, 's1', 'ACTIVE', 60_000).catch(each => each);
    expect(error.line).toMatch(/^the server a \(s1\) failed: No valid host was found\.: no host has room/);
  });

  it('that takes too long is told with what it was doing; one that is gone is gone', async () => {
    let time = 0;
    const building: Handler = (_, response) => {
      time += 10_000;
      json(response, { server: shown({ 'OS-EXT-STS:task_state': 'spawning' }) });
    };
    const compute = await nova({ 'GET /v2.1/servers/s1': building }, { now: () => new Date(time) });
    await expect(waitForServer(compute, 's1', 'ACTIVE', 60_000)).rejects.toThrow(
      'waited 60 s for the server s1 to be ACTIVE, and it is BUILD, spawning',
    );
    await waitForServerGone(compute, 'other', 1000);
  });
});

it('takes a key that is stored already for its own, but not another one', async () => {
  const keypair = { name: 'k', fingerprint: 'f', public_key: 'ssh-ed25519 AAAA' };
  const compute = await nova({
    'POST /v2.1/os-keypairs': (_, response) =>
      json(response, { conflictingRequest: { message: 'exists' } }, 409),
    'GET /v2.1/os-keypairs/k': (_, response) => json(response, { keypair }),
  });
  expect(await createKeypair(compute, 'k', 'ssh-ed25519 AAAA\n')).toMatchObject({ fingerprint: 'f' });
  await expect(createKeypair(compute, 'k', 'ssh-ed25519 BBBB')).rejects.toMatchObject({ httpStatus: 409 });
});

it('chooses the smallest flavor that is large enough, or says that there is none', async () => {
  await nova({});
  const size = fc.nat(8);
  const flavor = fc.record({
    id: fc.uuid(),
    name: fc.uuid(),
    ram: size,
    disk: size,
    vcpus: size,
    disabled: fc.boolean(),
  });
  const needs = fc.record({ ram: size, disk: size, vcpus: size });
  fc.assert(
    fc.property(fc.array(flavor, { minLength: 1 }), needs, (flavors, need) => {
      const fits = flavors.filter(
        each => !each.disabled && each.ram >= need.ram && each.disk >= need.disk && each.vcpus >= need.vcpus,
      );
      if (fits.length === 0) {
        expect(() => chooseFlavor(flavors, need)).toThrow(DefinitionError);
      } else {
        const chosen = chooseFlavor(flavors, need);
        expect(fits).toContain(chosen);
        expect(chosen.ram).toBe(Math.min(...fits.map(each => each.ram)));
      }
    }),
  );
  const flavors = [{ id: '1', name: 'm1.small', ram: 1, disk: 1, vcpus: 1, disabled: false }];
  expect(chooseFlavor(flavors, 'm1.small').id).toBe('1');
  expect(() => chooseFlavor(flavors, 'm1.smal')).toThrow('the cloud has no flavor m1.smal');
});
