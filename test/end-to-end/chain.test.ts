import { execFile } from 'node:child_process';
import { cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/bundle/types.ts';
import { leftovers } from './leftovers.ts';
import { run, start } from './program.ts';

const exec = promisify(execFile);
const MIB = 1024 * 1024;

/** The whole chain once, through kills and resumptions, on one built image; each test goes on from the last. */
describe('from a factory file to a promoted image', () => {
  let output = '';
  let bundle = '';
  let env: NodeJS.ProcessEnv = process.env;
  let manifest: Manifest;
  const core = () => join(bundle, 'core');
  const image = (form: string) => join(core(), manifest.files.find(each => each.form === form)?.path ?? '');
  const cli = (...words: string[]) => run(words, env);

  beforeAll(async () => {
    output = await mkdtemp('/var/tmp/image-factory-e2e-');
    env = { ...process.env, XDG_STATE_HOME: join(output, 'state') };
  });

  afterAll(async () => {
    await rm(output, { recursive: true, force: true });
  });

  it('leaves nothing that looks finished when it is killed in the middle of a build', async () => {
    const running = start(['run', '--output', output], env);
    await running.says(/build debian-12/);
    await new Promise(resolve => setTimeout(resolve, 12_000));
    running.child.kill('SIGKILL');
    await running.ended;
    await expect.poll(() => leftovers(output), { timeout: 5000 }).toEqual([]);
    const names = (await readdir(output, { recursive: true })).filter(name => /\.(qcow2|raw)$/.test(name));
    expect(names.filter(name => !name.split('/').some(part => part.startsWith('.')))).toEqual([]);
  });

  it('leaves within two seconds at Ctrl-C in the middle of a verification, with status 130', async () => {
    const running = start(['run', '--output', output], env);
    await running.says(/qemu|booting/i);
    await new Promise(resolve => setTimeout(resolve, 5000));
    const before = Date.now();
    running.child.kill('SIGINT');
    const { status } = await running.ended;
    expect(status).toBe(130);
    expect(Date.now() - before).toBeLessThan(3000);
    await expect.poll(() => leftovers(output), { timeout: 5000 }).toEqual([]);
    const [version] = (await readdir(join(output, 'debian-12'))).filter(name => !name.startsWith('.'));
    bundle = join(output, 'debian-12', version ?? '');
    manifest = JSON.parse(await readFile(join(core(), 'manifest.json'), 'utf8')) as Manifest;
  });

  it('removed what the killed build had left', async () => {
    // The second run was killed as well: what it left of its verification goes with the next one.
    const names = await readdir(join(output, 'debian-12'));
    expect(names.filter(name => name.startsWith('.image-factory-')).length).toBeLessThanOrEqual(1);
  });

  it('made a disk that other tools find clean', async () => {
    const raw = image('raw');
    const { stdout } = await exec('sfdisk', ['--json', raw]);
    const table = JSON.parse(stdout) as {
      partitiontable: { partitions: { node: string; start: number; size: number }[] };
    };
    const root = table.partitiontable.partitions.find(each => each.node.endsWith('raw1'));
    const filesystem = join(output, 'root.ext4');
    await exec('dd', [
      `if=${raw}`,
      `of=${filesystem}`,
      'bs=1M',
      `skip=${(root?.start ?? 0) / 2048}`,
      'conv=sparse',
    ]);
    await truncate(filesystem, (root?.size ?? 0) * 512);
    await exec('e2fsck', ['-fn', filesystem]);
    const told = (await exec('dumpe2fs', ['-h', filesystem])).stdout;
    const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(told)?.[1]);
    expect(told).toMatch(/^Filesystem volume name:\s+cloudimg-rootfs$/m);
    expect(number('Free blocks') / number('Block count')).toBeLessThan(0.05);
    await rm(filesystem);
    await exec('qemu-img', ['check', '-f', 'qcow2', image('qcow2')]);
    const info = JSON.parse(
      (await exec('qemu-img', ['info', '--output=json', image('qcow2')])).stdout,
    ) as object;
    expect(info).not.toHaveProperty('backing-filename');
    await exec('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', raw, image('qcow2')]);
  });

  it('refuses to promote what nobody signed', async () => {
    const { status, output: said } = await cli('promote', bundle, '--stage', 'staging', '--output', output);
    expect(said).toMatch(/is not signed|no key is trusted/);
    expect(status).toBe(7);
  });

  it('passes the eight checks under BIOS', async () => {
    const { status, output: said } = await cli('verify', bundle, '--firmware', 'bios');
    expect(said).not.toMatch(/^ *failed /m);
    expect(status).toBe(0);
    const [runId] = await readdir(join(bundle, 'statements', 'verdict', 'qemu'));
    const folder = join(bundle, 'statements', 'verdict', 'qemu', runId ?? '');
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as {
      checks: { name: string; outcome: string }[];
    };
    expect(report.checks.filter(each => each.outcome === 'passed').map(each => each.name)).toEqual(
      expect.arrayContaining([
        ...['running', 'address', 'ssh', 'user-data', 'resolver', 'root-password', 'root-grows', 'console'],
      ]),
    );
  });

  it('goes on from there: signs, and promotes through both stages under UEFI with Secure Boot', async () => {
    const { status, output: said } = await cli('run', '--output', output, '--firmware', 'uefi-secure');
    expect(said).toMatch(/built already/);
    expect(status).toBe(0);
    for (const stage of ['staging', 'production']) {
      const index = JSON.parse(await readFile(join(output, 'stores', stage, 'index.json'), 'utf8')) as object;
      expect(JSON.stringify(index)).toContain(manifest.version);
    }
    expect((await stat(`${bundle}.html`)).size).toBeGreaterThan(5000);
  });

  it('does nothing when nothing changed', async () => {
    const before = Date.now();
    const { status, output: said } = await cli('run', '--output', output);
    expect(said).toMatch(/nothing changed/);
    expect(status).toBe(0);
    expect(Date.now() - before).toBeLessThan(20_000);
  });

  it('made what gpg, sha256sum, sha512sum and hashdeep accept', async () => {
    const home = join(output, 'gnupg');
    await exec('install', ['-d', '-m', '700', home]);
    const gpg = (...words: string[]) =>
      exec('gpg', ['--homedir', home, '--batch', ...words], { cwd: core() });
    await gpg('--import', join(output, 'state/image-factory/local-test-key.public.asc'));
    const signatures = (await readdir(core())).filter(name => name.endsWith('.asc'));
    expect(signatures.length).toBeGreaterThanOrEqual(8);
    for (const name of signatures) await gpg('--verify', name, name.slice(0, -4));
    for (const sum of ['sha256sum', 'sha512sum']) {
      await exec(sum, ['--strict', '--quiet', '-c', `${sum.slice(0, 6).toUpperCase()}SUMS`], { cwd: core() });
    }
    const audit = "grep -v '^[%#]' hashdeep.txt | cut -d, -f3 | xargs hashdeep -l -a -v -k hashdeep.txt";
    expect((await exec('sh', ['-c', audit], { cwd: core() })).stdout).toMatch(/Audit passed/);
  });

  it('finds the bundle whole', async () => {
    const { status, output: said } = await cli('check', bundle);
    expect(said).toContain(manifest.version);
    expect(status).toBe(0);
  });

  it.each([
    ['one byte of the image changed', async (at: string) => flip(join(at, 'core', 'manifest.json'), 100)],
    ['a truncated image', async (at: string) => truncate(await qcow2Of(at), 50 * MIB)],
    ['its verdicts gone', async (at: string) => rm(join(at, 'statements'), { recursive: true })],
    [
      'a signature from elsewhere',
      async (at: string) => cp(join(at, 'core/packages.txt.asc'), join(at, 'core/SHA256SUMS.asc')),
    ],
  ])('refuses a bundle with %s', async (_what, damage) => {
    const copy = join(output, 'damaged', manifest.version);
    await exec('cp', ['-a', '--sparse=always', '--reflink=auto', '--', bundle, `${copy}.d`], {}).catch(
      async () => {
        await exec('mkdir', ['-p', join(output, 'damaged')]);
        await exec('cp', ['-a', '--sparse=always', '--reflink=auto', '--', bundle, `${copy}.d`]);
      },
    );
    try {
      await damage(`${copy}.d`);
      const other = join(output, 'elsewhere');
      const { status } = await cli('promote', `${copy}.d`, '--stage', 'staging', '--output', other);
      expect([2, 7]).toContain(status);
      expect(await readdir(join(other, 'stores', 'staging', 'images')).catch(() => [])).toEqual([]);
    } finally {
      await rm(`${copy}.d`, { recursive: true, force: true });
    }
  });

  it('refuses a bundle of another format version, with status 2', async () => {
    const copy = join(output, 'future');
    await exec('mkdir', ['-p', join(copy, 'core')]);
    await writeFile(join(copy, 'core/manifest.json'), JSON.stringify({ ...manifest, formatVersion: 99 }));
    const { status, output: said } = await cli('check', copy);
    expect(said).toMatch(/format version 99/);
    expect(status).toBe(2);
  });

  it('refuses what was signed by a key that is not trusted here', async () => {
    const stranger = { ...env, XDG_STATE_HOME: join(output, 'stranger') };
    await run(['plan'], stranger);
    const { status } = await run(
      ['promote', bundle, '--stage', 'staging', '--output', join(output, 'x')],
      stranger,
    );
    expect(status).toBe(7);
  });
});

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  await file.close();
}

async function qcow2Of(bundle: string): Promise<string> {
  const names = await readdir(join(bundle, 'core'));
  return join(bundle, 'core', names.find(name => name.endsWith('.qcow2')) ?? '');
}
