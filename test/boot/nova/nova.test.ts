import { readdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { bootNova } from '../../../src/boot/nova/nova.ts';
import type { MachineRequest } from '../../../src/boot/types.ts';
import type { Context } from '../../../src/host/context.ts';
import { CancelledError, CloudError } from '../../../src/host/errors.ts';
import { inTemporary } from '../../host/support.ts';
import { emptyHolding, type Holding, littleCloud } from '../../openstack/little-cloud.ts';
import { type Handler, json, type OddServer, oddServer } from '../../openstack/server.ts';

let server: OddServer;
afterEach(() => server.close());

const GIB = 1024 ** 3;
const SHA512 = 'a'.repeat(128);
const PLACE: Readonly<Record<string, unknown>> = {
  '/flavors/detail': { flavors: [{ id: 'f', name: 'm1', ram: 2048, vcpus: 1, disk: 20 }] },
  '/networks': { networks: [{ id: 'n', name: 'private', subnets: ['s'] }] },
};
const STORED = { id: 'stored', tags: [], os_hash_algo: 'sha512', os_hash_value: SHA512 };

/** A cloud with a flavor, a network and the image; `odd` may answer first. */
function cloudOf(holding: Holding, odd: Handler): Handler {
  const cloud = littleCloud(holding);
  return (request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname.replace(/^\/v2\.[01]/, '');
    if (request.method === 'GET' && path in PLACE) return void json(response, PLACE[path]);
    if (path === '/v2/images/stored') return void json(response, shownImage(holding));
    odd(request, response);
    if (!response.headersSent) cloud(request, response);
  };
}

function shownImage({ images }: Holding): unknown {
  const plain = {
    ...{ name: 'x', status: 'active', visibility: 'private', protected: false, size: 1, disk_format: 'raw' },
    ...{ container_format: 'bare', min_disk: 0, min_ram: 0, created_at: '', updated_at: '' },
  };
  return { ...plain, ...images[0] };
}

interface Attempt {
  readonly holding: Holding;
  readonly error: unknown;
  /** Names of the journals that are left. */
  readonly journals: readonly string[];
}

async function attempt(odd: Handler, context: Partial<Context> = {}): Promise<Attempt> {
  const holding = emptyHolding();
  holding.images.push(STORED);
  server = await oddServer(cloudOf(holding, odd));
  const session = await server.session(context);
  return inTemporary(async state => {
    const request: MachineRequest = {
      ...{ context: session.context, image: '/nowhere', form: 'raw', imageSize: 2 * GIB, diskSize: 4 * GIB },
      ...{ firmware: 'bios', accel: 'auto', memory: GIB, cpus: 1, userName: 'debian', userData: '' },
      ...{ directory: state, state },
      cloud: {
        ...{ session, name: 'odd', wishes: {}, configDrive: false, keep: 0, budget: 1000 },
        image: {
          ...{ id: 'stored', name: 'x', properties: {}, minimum: { disk: 1, memory: 1 } },
          file: { path: 'x.raw', size: 1, sha256: '', sha512: SHA512 },
        },
      },
    };
    const error = await bootNova(request).then(
      () => undefined,
      each => each,
    );
    return { holding, error, journals: await readdir(join(state, 'clouds')).catch(() => []) };
  });
}

const left = ({ holding }: Attempt) => Object.values(holding).flatMap(all => all.map(({ id }) => id));
const isServer = (request: IncomingMessage) =>
  request.method === 'POST' && request.url?.endsWith('/servers') === true;

describe('a boot in a cloud', () => {
  it('that the cloud refuses removes what it had made, and forgets its journal', async () => {
    const tried = await attempt((request, response) => {
      const quota = { forbidden: { message: 'Quota exceeded for instances' } };
      if (isServer(request)) json(response, quota, 403);
    });
    expect(tried.error).toBeInstanceOf(CloudError);
    expect(String(tried.error)).toContain('Quota exceeded for instances');
    expect(server.asked).toContain('POST /v2.1/os-keypairs');
    expect(left(tried)).toEqual(['stored']);
    expect(tried.journals).toEqual([]);
  });

  it("whose server fails tells Nova's own words, and removes it", async () => {
    const tried = await attempt((request, response) => {
      if (request.method !== 'GET' || !/\/servers\/[^/?]+$/.test(request.url ?? '')) return;
      const fault = { message: 'No valid host was found. ', code: 500 };
      json(response, { server: { id: 's', name: 's', status: 'ERROR', created: '', fault } });
    });
    expect(tried.error).toBeInstanceOf(CloudError);
    expect(String(tried.error)).toContain('failed: No valid host was found');
    expect(left(tried)).toEqual(['stored']);
  });

  it('that is cancelled asks for the end of everything, and leaves its journal for the next run', async () => {
    const controller = new AbortController();
    const tried = await attempt(
      request => {
        if (isServer(request)) controller.abort();
      },
      { signal: controller.signal },
    );
    expect(tried.error).toBeInstanceOf(CancelledError);
    expect(left(tried)).toEqual(['stored']);
    expect(tried.journals).toHaveLength(1);
  });
});
