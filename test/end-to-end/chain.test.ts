import { execFile } from 'node:child_process';
import { cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/bundle/types.ts';
import { DEFAULT_CHECKS } from '../../src/definition/builtin.ts';
import { obeyed } from '../actions/runner-commands.ts';
import { Step } from '../actions/support.ts';
import { expectKeyHidden, expectNothingForged } from './forged.ts';
import { leftovers } from './leftovers.ts';
import { run } from './program.ts';
import { jobEnvironment, NODE_24, ownBundle, type SharedImage, sharedImage } from './shared-image.ts';

const exec = promisify(execFile);
const MIB = 1024 * 1024;

/**
 * The whole chain once on one built image, by actions as GitHub's runner starts them and by the command line in
 * turn; each test goes on from the last.
 */
describe('from a factory file to a promoted image', () => {
  let output = '';
  let bundle = '';
  let shared: SharedImage;
  let env: NodeJS.ProcessEnv = process.env;
  let manifest: Manifest;
  let step: Step;
  const core = () => join(bundle, 'core');
  const image = (form: string) => join(core(), manifest.files.find(each => each.form === form)?.path ?? '');
  const factory = () => ['--factory', join(shared.workspace, 'factory.yaml')];
  const cli = (...words: string[]) => run(words, env);
  const indexOf = (stage: string) => readFile(join(output, 'stores', stage, 'index.json'), 'utf8');

  beforeAll(async () => {
    output = await mkdtemp('/var/tmp/image-factory-e2e-');
    env = { ...process.env, XDG_STATE_HOME: join(output, 'state') };
    shared = await sharedImage();
    bundle = await ownBundle(shared, output);
    manifest = JSON.parse(await readFile(join(core(), 'manifest.json'), 'utf8')) as Manifest;
  });

  beforeEach(() => {
    step = new Step({ workspace: shared.workspace, env: jobEnvironment(join(output, 'state')) });
  });

  afterEach(() => step.remove());

  afterAll(async () => {
    await rm(output, { recursive: true, force: true });
  });

  it('the build tells later steps where the bundle is, and a reader what is in it', () => {
    const { outputs, summary } = shared.step;
    const { version, diskDigest } = manifest;
    expect(outputs).toMatchObject({ image: 'debian-12', version, 'disk-digest': diskDigest });
    expect(outputs.bundle).toMatch(new RegExp(`/out/debian-12/${version}-amd64$`));
    expect(Object.keys(JSON.parse(outputs.files ?? '') as object).sort()).toEqual(['qcow2', 'raw']);
    expect(summary).toContain(`## Built debian-12 ${version}\n`);
    for (const { sha256 } of manifest.files) expect(summary).toContain(`\`${sha256}\``);
  });

  it('no word of an element reaches the runner as a command', () => {
    expectNothingForged(shared.step.stdout);
    const groups = obeyed(shared.step.stdout).filter(({ command }) => /^(end)?group$/.test(command));
    expect(groups.map(({ command }) => command)).toEqual(['group', 'endgroup']);
    expect(groups[0]?.data).toBe(`build debian-12 ${manifest.version}`);
  });

  it('has no documentation but copyrights and what Debian changed, and tells dpkg so', async () => {
    const paths = (await readFile(join(bundle, 'core/inventory.jsonl'), 'utf8'))
      .split('\n')
      .slice(1, -1)
      .map(row => JSON.parse(row) as { path: string; type: string })
      .flatMap(({ path, type }) => (type === 'file' ? [path] : []));
    const names = (folder: string) =>
      paths.filter(path => path.startsWith(folder)).map(path => path.replace(/^.*\//, ''));
    const kept = /^(copyright|changelog(\.Debian(\.\w+)?)?\.gz)$/;
    expect(names('/usr/share/doc/').filter(name => !kept.test(name))).toEqual([]);
    expect(names('/usr/share/man/')).toEqual([]);
    // base-files makes it an index of nothing.
    expect(names('/usr/share/info/')).toEqual(['dir']);
    expect(paths).toContain('/etc/dpkg/dpkg.cfg.d/no-documentation');
    expect(paths).toContain('/usr/share/doc/dpkg/changelog.gz');
    expect(paths).not.toContain('/usr/share/doc/openssh-server/changelog.gz');
  });

  it('leaves within two seconds at Ctrl-C while a guest boots, with status 130, and keeps what that wrote', async () => {
    const { child, ended } = step.start(NODE_24, 'boot-and-verify', { bundle });
    let said = '';
    child.stdout?.on('data', chunk => {
      said += chunk;
    });
    await expect.poll(() => said, { timeout: 60_000 }).toMatch(/^guest first \| .* Linux version/m);
    const before = Date.now();
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(Date.now() - before).toBeLessThan(3000);
    await expect.poll(() => leftovers(output), { timeout: 5000 }).toEqual([]);
    expect((await step.start(NODE_24, 'post').ended).status).toBe(0);
    expect((await readdir(join(output, 'debian-12'))).filter(name => name.startsWith('.'))).toEqual([]);
    const kept = join(bundle, 'statements', 'unfinished', 'qemu', 'console.log');
    expect(said).toContain(`what the guest of boot first wrote is in ${kept}\n`);
    expect(await readFile(kept, 'utf8')).toMatch(/ Linux version \d/);
    expect(await readdir(join(bundle, 'statements'))).toEqual(['unfinished']);
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

  it('tells in outputs and summary what failed, before the action ends with its status', async () => {
    const other = join(output, 'other-mirror.yaml');
    const line = 'mirror: {image: "http://packages.example.net/debian"}';
    await writeFile(other, `images: {debian: {releases: [12], ${line}}}\n`);
    const inputs = { factory: other, only: 'package-sources' };
    const copy = await ownBundle(shared, join(output, 'refused'));
    const { status, stdout } = await step.start(NODE_24, 'boot-and-verify', { ...inputs, bundle: copy })
      .ended;
    expect(stdout).toMatch(/^::error.*failed in qemu: package-sources/m);
    expect(status).toBe(6);
    expect(step.read('output')).toMatchObject({ passed: 'false', 'disk-digest': manifest.diskDigest });
    expect(step.summary).toContain(`Failed: debian-12 ${manifest.version} at qemu\n`);
    expect(step.summary).toContain('| package-sources | ❌ failed |');
  });

  it('passes all checks under BIOS, and no word of the guest reaches the runner as a command', async () => {
    const { status, stdout } = await step.start(NODE_24, 'boot-and-verify', { bundle, firmware: 'bios' })
      .ended;
    expect(stdout).not.toMatch(/^ *failed /m);
    expect(status).toBe(0);
    const { passed, statement = '', 'disk-digest': disk } = step.read('output');
    expect({ passed, disk }).toEqual({ passed: 'true', disk: manifest.diskDigest });
    const report = JSON.parse(await readFile(join(statement, 'report.json'), 'utf8')) as {
      checks: { name: string; outcome: string }[];
    };
    expect(report.checks.filter(each => each.outcome === 'passed').map(each => each.name)).toEqual(
      expect.arrayContaining([...DEFAULT_CHECKS]),
    );
    expect(step.summary).toContain(`## ✅ Passed: debian-12 ${manifest.version} at qemu\n`);
    for (const { name } of report.checks) expect(step.summary).toContain(`| ${name} | ✅ passed |`);
    expect(await readdir(join(bundle, 'statements'))).toEqual(['verdict']);
    expect(stdout).toMatch(/^::group::boot first under (kvm|tcg)$/m);
    expect(stdout).toMatch(/^guest first \| \[ {4}0\.000000\] Linux version/m);
    expectNothingForged(stdout);
  });

  it('signs by the action', async () => {
    const { status, stdout } = await step.start(NODE_24, 'sign-and-hash', { bundle }).ended;
    expect(status).toBe(0);
    expectKeyHidden(stdout);
    const { fingerprint, 'local-test-key': local } = step.read('output');
    expect(fingerprint).toMatch(/^[0-9A-F]{40}$/i);
    expect(local).toBe('true');
    expect(step.summary).toContain(`## Signed by \`${fingerprint}\`\n`);
    expect(step.summary).toContain('only a directory store accepts it');
  });

  it('promotes into staging by the action, under UEFI with Secure Boot', async () => {
    const inputs = { bundle, stage: 'staging', output, firmware: 'uefi-secure' };
    const { status, stdout } = await step.start(NODE_24, 'promote', inputs).ended;
    expect(stdout).not.toMatch(/^ *failed /m);
    expect(status).toBe(0);
    expect(JSON.parse(step.read('output').published ?? '')).toEqual([
      expect.objectContaining({ image: 'debian-12', version: manifest.version }),
    ]);
    expect(await indexOf('staging')).toContain(manifest.version);
    expect(step.summary).toMatch(/^## Promoted into staging\n.*\| ssh \| ✅ passed \|/s);
    expectNothingForged(stdout);
  });

  it('goes on from there by run: promotes into production, under UEFI', async () => {
    const { status, output: said } = await cli('run', ...factory(), '--output', output, '--firmware', 'uefi');
    expect(said).toMatch(/built already/);
    expect(said).toMatch(/public in staging already/);
    expect(status).toBe(0);
    expect(await indexOf('production')).toContain(manifest.version);
    expect((await stat(`${bundle}.html`)).size).toBeGreaterThan(5000);
  });

  it('does nothing when nothing changed', async () => {
    const before = Date.now();
    const { status, output: said } = await cli('run', ...factory(), '--output', output);
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
