import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { SignedArchive } from '../build/signed-archive.ts';
import { FaultMirror } from '../end-to-end/fault-mirror.ts';
import { PROGRAM, run, startCommand } from '../end-to-end/program.ts';

/** What each variant promises, as a check of one's own in the running guest. */
const PROMISES: Readonly<Record<string, string>> = {
  gpu: `dpkg-query -W own-driver
grep -rF 10.77.0.1/gpu /etc/apt/sources.list.d
modprobe --showconfig | grep -x 'blacklist nouveau'`,
  infiniband: `for module in mlx5_core mlx5_ib ib_ipoib ib_umad rdma_ucm; do grep "^$module " /proc/modules; done
ibv_devices
rdma link show`,
  dkms: "grep '^own_module ' /proc/modules; journalctl -k -g 'own_module: loaded'",
};

/** examples/hardware as an operator fills it in: with the vendor's address, key and fingerprint. */
describe('the patterns for hardware', () => {
  let work: string;
  let archive: SignedArchive;
  let mirror: FaultMirror;

  beforeAll(async () => {
    work = await mkdtemp('/var/tmp/image-factory-hardware-');
    archive = await SignedArchive.open(work);
    await archive.makeKey('vendor');
    await archive.holdPackage('own-driver');
    await archive.publish('Origin: Vendor\nLabel: test\nCodename: any\n');
    mirror = await FaultMirror.open(work);
    mirror.instead = (path, asked, answer) => {
      const [, rest] = /^\/gpu\/(.*)$/.exec(path) ?? [];
      if (rest === undefined) return false;
      void archive.answer(rest, asked, answer);
      return true;
    };
    await cp(resolve('examples/hardware'), work, { recursive: true });
    await mkdir(join(work, 'keys'));
    await cp(join(work, 'vendor.asc'), join(work, 'keys/gpu-vendor.asc'));
    const factory = parse(await readFile(join(work, 'factory.yaml'), 'utf8'));
    const vendor = { apt: 'http://10.77.0.1/gpu/', fingerprint: archive.keys.vendor };
    Object.assign(factory.repositories['gpu-vendor'], vendor);
    factory.images.debian.variants = Object.keys(PROMISES);
    for (const name of Object.keys(PROMISES)) {
      const variant = factory.variants[name];
      variant.verify = { ...variant.verify, own: [`checks-${name}`] };
    }
    factory.defaults = { verify: { boot: '30m' } };
    await writeFile(join(work, 'factory.yaml'), stringify(factory));
    for (const [name, script] of Object.entries(PROMISES)) {
      await mkdir(join(work, `checks-${name}`, 'guest'), { recursive: true });
      const file = join(work, `checks-${name}`, 'guest', name);
      await writeFile(file, `#!/bin/sh\nset -ex\n${script}\n`, { mode: 0o755 });
    }
  });

  afterAll(async () => {
    await mirror?.close();
    await archive?.close();
    await rm(work, { recursive: true, force: true });
  });

  it.each(Object.keys(PROMISES))('%s builds, boots, and holds its promise', async name => {
    const line = `debian-12-${name}`;
    const factory = ['--factory', join(work, 'factory.yaml')];
    const build = ['build', line, ...factory, '--output', join(work, 'out'), '--mirror', FaultMirror.ADDRESS];
    const built = await startCommand([...mirror.inside, PROGRAM, ...build], process.env).ended;
    expect(built.status, built.output).toBe(0);
    const versions = await readdir(join(work, 'out', line));
    const bundle = join(work, 'out', line, versions.find(each => each.endsWith('-amd64')) ?? '');
    const { status, output } = await run(['verify', bundle, ...factory]);
    expect(status, output).toBe(0);
    expect(output).toContain(`own/${name}`);
  });
});
