import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Elsewhere, elsewhere } from '../end-to-end/elsewhere.ts';
import { addOrdinaryUser, copyCheckout, type OrdinaryUser } from '../end-to-end/ordinary-user.ts';
import { PROGRAM, startCommand } from '../end-to-end/program.ts';

/** Cold builds of one image, each of which has something of the host otherwise. */
describe.each(['12', '13'])('Debian %s', release => {
  let work: string;
  let bundle: string;
  let digest: string;

  beforeAll(async () => {
    work = await mkdtemp('/var/tmp/image-factory-alike-');
    await mkdir(join(work, 'repository'));
    const factory = `images:\n  debian:\n    releases: [${release}]\n`;
    await writeFile(join(work, 'repository/factory.yaml'), factory);
    bundle = await build('first', []);
    digest = await digestOf(bundle);
    console.log(`debian-${release} ${digest}`);
  });

  afterAll(() => rm(work, { recursive: true, force: true }));

  /** @param identity words before the command @returns path of the bundle */
  async function build(name: string, identity: readonly string[], program = [PROGRAM], own = work) {
    const output = join(own, name);
    const words = [
      '--factory',
      join(own === work ? work : join(own, '..'), 'repository/factory.yaml'),
      '--output',
      output,
      '--cold',
      'true',
    ];
    const env = { ...process.env, ...(own === work ? {} : { HOME: own }) };
    const argv = [...identity, ...program, 'build', '--version', '20260101.1', ...words];
    const { status, output: said } = await startCommand(argv, env).ended;
    if (status !== 0) throw new Error(said);
    return join(output, `debian-${release}/20260101.1-amd64`);
  }

  it('is the same by one processor', async () => {
    expect(await digestOf(await build('one', ['taskset', '--cpu-list', '0']))).toBe(digest);
  });

  it('is the same on a busy host', async () => {
    const busy: ChildProcess[] = cpus().flatMap(() => [endless(), endless()]);
    try {
      expect(await digestOf(await build('busy', []))).toBe(digest);
    } finally {
      for (const each of busy) each.kill('SIGKILL');
    }
  });

  it('is the same by an ordinary user with sudo, at another place, with tools of his own', async () => {
    const place = await mkdtemp('/var/tmp/image-factory-user-');
    let user: OrdinaryUser | undefined;
    try {
      await copyCheckout(place);
      await cp(join(work, 'repository'), join(place, 'repository'), { recursive: true });
      user = await addOrdinaryUser(place);
      const program = [join(place, 'node'), join(place, 'dist/cli.js')];
      const own = await build('user', user.identity, program, join(place, 'work'));
      expect(await digestOf(own)).toBe(digest);
    } finally {
      await user?.remove();
      await rm(place, { recursive: true, force: true });
    }
  });

  it('is the same a year later, in another time zone, in a Debian 13', async () => {
    const there: Elsewhere = await elsewhere();
    try {
      await cp(join(work, 'repository'), join(there.work, 'repository'), { recursive: true });
      await cp(bundle, join(there.work, 'bundle'), { recursive: true });
      const words = ['--factory', '/there/repository/factory.yaml', '--output', '/there/again'];
      const { status, output } = await there.run(['reproduce', '/there/bundle', ...words]);
      expect([status, output]).toEqual([0, expect.stringContaining('is identical, bit for bit')]);
      expect(Date.parse(await there.dayInTheTree()) - Date.now()).toBeGreaterThan(363 * 86_400_000);
    } finally {
      await there.remove();
    }
  });
});

function endless(): ChildProcess {
  return spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
}

async function digestOf(bundle: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(bundle, 'core/manifest.json'), 'utf8'));
  return manifest.files.find((each: { form: string }) => each.form === 'qcow2').sha256;
}
