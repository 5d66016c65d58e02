import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBundle } from '../../src/bundle/bundle.ts';
import { deploy } from '../../src/chain/deploy.ts';
import { sign } from '../../src/chain/sign.ts';
import type { DiskForm } from '../../src/definition/forms.ts';
import { type Context, createContext } from '../../src/host/context.ts';
import { CancelledError, DefinitionError, HostError, TrustError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { manifest } from '../report/fixture.ts';

const MIB = 1024 * 1024;
/** With a hole of some MiB, and an end that fills no piece. */
const SIZE = 12 * MIB + 512 * 1024;

let folder: string;
let context: Context;
let disk: Buffer;
let common: { factory: string; installTools: boolean; job: string; dryRun: boolean };
const loops: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-deploy-'));
  const factory = join(folder, 'factory.yaml');
  await writeFile(factory, 'version: 1\nimages:\n  debian: { releases: [12] }\n');
  context = createContext({ env: { XDG_STATE_HOME: join(folder, 'state'), TMPDIR: folder } });
  common = { factory, installTools: false, job: 'host:1', dryRun: false };
  disk = Buffer.alloc(SIZE);
  randomBytes(2 * MIB).copy(disk, 0);
  randomBytes(MIB).copy(disk, 8 * MIB + 1);
  randomBytes(1000).copy(disk, SIZE - 1000);
});

afterEach(async () => {
  for (const loop of loops.splice(0)) await run(['losetup', '--detach', loop]);
  await rm(folder, { recursive: true, force: true });
});

/** A signed bundle of the disk in the given forms. @param change the bytes that are stored, when not the disk's */
async function bundleOf(forms: readonly DiskForm[], change?: Buffer): Promise<string> {
  const draft = await createBundle(join(folder, `bundle-${randomBytes(4).toString('hex')}`));
  const raw = join(folder, 'source.raw');
  await writeFile(raw, change ?? disk);
  const files = [];
  for (const form of forms) {
    const path = `debian-12-20261121.1-amd64.${form}`;
    const to = join(draft.core, path);
    if (form === 'raw.zst') await run(['zstd', '-q', '-o', to, raw]);
    else await run(['qemu-img', 'convert', '-f', 'raw', '-O', form, raw, to]);
    const bytes = await readFile(join(draft.core, path));
    const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
    files.push({ path, form, size: bytes.length, sha256: hex('sha256'), sha512: hex('sha512') });
  }
  const diskDigest = createHash('sha256').update(disk).digest('hex');
  const bundle = await draft.finish({ ...manifest, diskDigest, diskSize: SIZE, files });
  await sign(context, { ...common, bundle });
  return bundle;
}

/** A real loop device, filled with old bytes. */
async function loop(size: number, ...options: string[]): Promise<{ device: string; backing: string }> {
  const backing = join(folder, `backing-${loops.length}`);
  await writeFile(backing, Buffer.alloc(size, 0xa5));
  const { stdout } = await run(['losetup', '--find', '--show', ...options, backing]);
  loops.push(stdout.trim());
  return { device: stdout.trim(), backing };
}

async function content(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(SIZE);
    await file.read(buffer, 0, SIZE, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

const names = async () => (await readdir(folder)).filter(name => /^\.|target/.test(name));

describe('to a file', () => {
  it.each<[string, DiskForm[]]>([
    ['raw', ['raw', 'qcow2']],
    ['qcow2', ['qcow2']],
    ['raw.zst', ['qcow2', 'raw.zst']],
  ])('writes the disk of a %s, sparse, and nothing else', async (_form, forms) => {
    const bundle = await bundleOf(forms);
    const to = join(folder, 'target.raw');
    const result = await deploy(context, { ...common, bundle, to });
    expect((await content(to)).equals(disk)).toBe(true);
    const { size, blocks } = await stat(to);
    expect(size).toBe(SIZE);
    expect(blocks * 512).toBeLessThan(7 * MIB);
    expect(result.written).toBeLessThan(7 * MIB);
    expect(await names()).toEqual(['target.raw']);
  });

  it('takes a form that needs no room to be unpacked, where there is one', async () => {
    const bundle = await bundleOf(['qcow2', 'raw.zst']);
    const { source } = await deploy(context, { ...common, bundle, to: join(folder, 'target') });
    expect(source).toMatch(/\.raw\.zst$/);
  });

  it.each<DiskForm>(['qcow2', 'raw.zst'])(
    'leaves no file when the disk in a %s is not the signed one',
    async form => {
      const other = Buffer.from(disk);
      other[SIZE - 1] = (other[SIZE - 1] ?? 0) ^ 1;
      const bundle = await bundleOf([form], other);
      const writing = deploy(context, { ...common, bundle, to: join(folder, 'target.raw') });
      await expect(writing).rejects.toThrow(TrustError);
      await expect(writing).rejects.toThrow(/does not hold the signed disk/);
      expect(await names()).toEqual([]);
    },
  );

  it('leaves no file when it is cancelled', async () => {
    const bundle = await bundleOf(['raw']);
    const abort = new AbortController();
    let updates = 0;
    const log = {
      ...context.log,
      progress: (what: string) => ({
        update: () => {
          if (what.startsWith('writing') && ++updates === 3) abort.abort();
        },
        end() {},
      }),
    };
    const writing = deploy(
      { ...context, log, signal: abort.signal },
      { ...common, bundle, to: join(folder, 'target') },
    );
    await expect(writing).rejects.toThrow(CancelledError);
    expect(updates).toBe(3);
    expect(await names()).toEqual([]);
  });

  it('changes nothing when it only says what it would do', async () => {
    const bundle = await bundleOf(['raw']);
    const result = await deploy(context, { ...common, bundle, to: join(folder, 'target'), dryRun: true });
    expect(result.written).toBe(0);
    expect(await names()).toEqual([]);
  });

  it.each<[string, (to: string) => Promise<unknown>, RegExp]>([
    ['a file that is there', to => writeFile(to, 'mine'), /already there/],
    ['a link that leads nowhere', to => symlink('nothing', to), /leads nowhere/],
    ['a directory', to => run(['mkdir', to]), /neither a block device nor a new file/],
  ])('refuses %s', async (_what, make, message) => {
    const bundle = await bundleOf(['raw']);
    const to = join(folder, 'target');
    await make(to);
    const writing = deploy(context, { ...common, bundle, to });
    await expect(writing).rejects.toThrow(DefinitionError);
    await expect(writing).rejects.toThrow(message);
  });

  it('refuses a bundle that nobody trusted has signed', async () => {
    const bundle = await bundleOf(['raw']);
    const stranger = createContext({ env: { XDG_STATE_HOME: join(folder, 'other'), TMPDIR: folder } });
    const writing = deploy(stranger, { ...common, bundle, to: join(folder, 'target') });
    await expect(writing).rejects.toThrow(TrustError);
    expect(await names()).toEqual([]);
  });
});

describe.runIf(process.getuid?.() === 0)('to a device', () => {
  it('writes the disk over what was there, also where the disk is zero', async () => {
    const bundle = await bundleOf(['qcow2']);
    const { device, backing } = await loop(16 * MIB);
    await deploy(context, { ...common, bundle, to: device });
    await run(['blockdev', '--flushbufs', device]);
    expect((await content(device)).equals(disk)).toBe(true);
    const old = (await readFile(backing)).subarray(SIZE);
    expect(old.every(byte => byte === 0xa5)).toBe(true);
  });

  it('follows a link to it', async () => {
    const bundle = await bundleOf(['raw']);
    const { device } = await loop(16 * MIB);
    await symlink(device, join(folder, 'target'));
    const { target } = await deploy(context, { ...common, bundle, to: join(folder, 'target') });
    expect(target.path).toBe(device);
    expect((await content(device)).equals(disk)).toBe(true);
  });

  it('leaves nothing that looks like a disk when the bytes are not the signed ones', async () => {
    const other = Buffer.from(disk);
    other[SIZE - 1] = (other[SIZE - 1] ?? 0) ^ 1;
    const bundle = await bundleOf(['qcow2'], other);
    const { device } = await loop(16 * MIB);
    await expect(deploy(context, { ...common, bundle, to: device })).rejects.toThrow(TrustError);
    const left = await content(device);
    expect(left.subarray(0, MIB).every(byte => byte === 0)).toBe(true);
    expect(left.subarray(SIZE - MIB).every(byte => byte === 0)).toBe(true);
  });

  it('refuses one that is smaller, before a byte is written', async () => {
    const bundle = await bundleOf(['raw']);
    const { device, backing } = await loop(12 * MIB);
    const writing = deploy(context, { ...common, bundle, to: device });
    await expect(writing).rejects.toThrow(HostError);
    await expect(writing).rejects.toThrow(/has 12582912 bytes, and the image 13107200/);
    expect((await readFile(backing)).every(byte => byte === 0xa5)).toBe(true);
  });

  it('refuses one that is mounted, or open to somebody alone', async () => {
    const bundle = await bundleOf(['raw']);
    const { device, backing } = await loop(16 * MIB);
    await run(['mke2fs', '-q', '-F', device]);
    const point = join(folder, 'point');
    await run(['mkdir', point]);
    await run(['mount', '--options', 'ro', device, point]);
    const before = createHash('sha256').update(await readFile(backing));
    try {
      const writing = deploy(context, { ...common, bundle, to: device });
      await expect(writing).rejects.toThrow(HostError);
      await expect(writing).rejects.toThrow(/is mounted at .*point/);
    } finally {
      await run(['umount', point]);
    }
    const after = createHash('sha256').update(await readFile(backing));
    expect(after.digest('hex')).toBe(before.digest('hex'));
    const { O_RDONLY, O_EXCL } = (await import('node:fs')).constants;
    const holder = await open(device, O_RDONLY | O_EXCL);
    try {
      await expect(deploy(context, { ...common, bundle, to: device })).rejects.toThrow(/is in use/);
    } finally {
      await holder.close();
    }
  });

  it('refuses one of which a partition is mounted', async () => {
    const bundle = await bundleOf(['raw']);
    const { device } = await loop(32 * MIB);
    await run(['addpart', device, '1', '2048', String((16 * MIB) / 512)]);
    const point = join(folder, 'point');
    await mkdir(point);
    await run(['mke2fs', '-q', '-F', `${device}p1`]);
    await run(['mount', `${device}p1`, point]);
    try {
      const writing = deploy(context, { ...common, bundle, to: device });
      await expect(writing).rejects.toThrow(/loop\d+p1 is mounted at .*point/);
    } finally {
      await run(['umount', point]);
      await run(['delpart', device, '1']);
    }
  });

  it('refuses one that is swap, or read-only', async () => {
    const bundle = await bundleOf(['raw']);
    const { device } = await loop(16 * MIB);
    await run(['mkswap', device]);
    const { status } = await run(['swapon', device], { accept: [0, 1, 255] });
    try {
      if (status === 0) {
        await expect(deploy(context, { ...common, bundle, to: device })).rejects.toThrow(/is swap/);
      }
    } finally {
      if (status === 0) await run(['swapoff', device]);
    }
    const shut = await loop(16 * MIB, '--read-only');
    await expect(deploy(context, { ...common, bundle, to: shut.device })).rejects.toThrow(/is read-only/);
  });
});

it.each(['/dev/null', '/dev/no-such-disk'])('refuses %s', async to => {
  const bundle = await bundleOf(['raw']);
  await expect(deploy(context, { ...common, bundle, to })).rejects.toThrow(DefinitionError);
});
