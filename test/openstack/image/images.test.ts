import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import { CloudError, TrustError } from '../../../src/host/errors.ts';
import { compareStored } from '../../../src/openstack/image/compare.ts';
import { patchFor } from '../../../src/openstack/image/images.ts';
import { IMAGE, type Image } from '../../../src/openstack/image/types.ts';

const RAW = {
  ...{
    id: 'i',
    name: 'a',
    status: 'active',
    visibility: 'private',
    protected: false,
    tags: [],
    size: 3,
    owner: 'o',
  },
  ...{
    disk_format: 'raw',
    container_format: 'bare',
    min_disk: 0,
    min_ram: 0,
    os_hidden: false,
    virtual_size: 3,
  },
  ...{
    created_at: '2026-11-21T00:00:00Z',
    updated_at: '2026-11-21T00:00:00Z',
    self: '/v2/images/i',
    file: 'f',
  },
  ...{
    os_hash_algo: 'sha512',
    os_hash_value: 'abc',
    checksum: 'c',
    schema: '/v2/schemas/image',
    stores: 'a,b',
  },
};

const image = (more: object = {}): Image => IMAGE.parse({ ...RAW, ...more });

it('tells what somebody set from what Glance itself writes', () => {
  expect(image({ os_distro: 'debian', locations: [], 'hw:x': 'y' }).properties).toEqual({
    os_distro: 'debian',
    'hw:x': 'y',
  });
  expect(image().stores).toEqual(['a', 'b']);
  expect(() => image({ size: 'large' })).toThrow();
  expect(() => image({ visibility: 'secret' })).toThrow();
});

it('makes a patch that leads from any properties to any others, and none when nothing changes', () => {
  const properties = fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { maxKeys: 6 });
  const change = fc.dictionary(fc.string({ minLength: 1 }), fc.option(fc.string()), { maxKeys: 6 });
  fc.assert(
    fc.property(properties, change, (before, wanted) => {
      const after = new Map(Object.entries(before));
      for (const operation of patchFor({ ...image(), properties: before }, { properties: wanted })) {
        const key = operation.path.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
        // As Glance judges it: adding what is there, and replacing or removing what is not, is refused.
        expect(after.has(key)).toBe(operation.op !== 'add');
        if (operation.op === 'remove') after.delete(key);
        else after.set(key, String(operation.value));
      }
      for (const [key, value] of Object.entries(wanted)) expect(after.get(key) ?? null).toBe(value);
      const now = { ...image(), properties: Object.fromEntries(after) };
      expect(patchFor(now, { properties: wanted, hidden: false, visibility: 'private' })).toEqual([]);
    }),
  );
});

describe('the stored bytes', () => {
  let folder: string;
  const context = createContext();
  const sha512 = createHash('sha512').update('abc').digest('hex');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-factory-compare-'));
    await writeFile(join(folder, 'f'), 'abc');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const compare = (more: object) =>
    compareStored(context, image(more), { file: join(folder, 'f'), size: 3, sha512, diskFormat: 'raw' });

  it('are ours when size and digest agree, by whatever digest the operator chose', async () => {
    await compare({ os_hash_value: sha512 });
    const sha256 = createHash('sha256').update('abc').digest('hex');
    await compare({ os_hash_algo: 'sha256', os_hash_value: sha256 });
  });

  it('are refused otherwise', async () => {
    await expect(compare({ os_hash_value: sha512, size: 4 })).rejects.toBeInstanceOf(TrustError);
    await expect(compare({ os_hash_value: 'f'.repeat(128) })).rejects.toBeInstanceOf(TrustError);
    await expect(compare({ os_hash_value: null })).rejects.toThrow('tells no digest');
    await expect(compare({ os_hash_algo: 'rot13', os_hash_value: 'x' })).rejects.toBeInstanceOf(CloudError);
    await expect(compare({ os_hash_value: sha512, disk_format: 'qcow2' })).rejects.toThrow(
      'was sent as raw and is stored as qcow2',
    );
  });
});
