import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/verify/types.ts';
import { Step } from '../actions/support.ts';
import { type Caller, KillingGround } from './kill-points.ts';
import { leftovers, sceneOf, visibleFiles, workDirectories } from './leftovers.ts';
import { jobEnvironment, NODE_24, ownBundle, sharedImage } from './shared-image.ts';

/** SIGKILL to each of our processes in turn, early in a build and in a verification; test/long has the late ones. */
describe.runIf(process.getuid?.() === 0)('a kill', () => {
  let ground: KillingGround;

  beforeAll(async () => {
    ground = await KillingGround.open();
  });

  afterAll(() => ground?.close());

  const builds: readonly (readonly [string, Caller])[] = [
    ...(['image-factory', 'unshare', 'agent', 'slirp4netns', 'mmdebstrap'] as const).map(
      victim => [victim, 'root'] as const,
    ),
    ...(['image-factory', 'sudo', 'agent'] as const).map(victim => [victim, 'user'] as const),
  ];

  it.each(builds)(
    'of %s in a build of %s leaves nothing, and the next run cleans up',
    async (victim, caller) => {
      const output = await ground.folderFor(caller, 'out');
      const dead = await workDirectories(output);
      const killed = await ground.kill(caller, ['build', '--output', output], victim, 'mmdebstrap');
      expect(killed.status, killed.output).not.toBe(0);
      await expect.poll(() => ground.leftovers(killed.scene), { timeout: 5000 }).toEqual([]);
      const errors = killed.output.match(/^error: .*/gm) ?? [];
      expect(errors, killed.output).toHaveLength(victim === 'image-factory' ? 0 : 1);
      expect(await visibleFiles(output)).toEqual([]);
      const left = await workDirectories(output);
      expect(left.filter(name => dead.includes(name))).toEqual([]);
      expect(left.length).toBe(victim === 'image-factory' ? 1 : 0);
    },
  );

  it.each([
    ['image-factory', 'root', 'qemu-img', 137],
    ['qemu-system-x86_64', 'root', /passed {2}images/, 6],
    ['image-factory', 'user', 'qemu-system-x86_64', 137],
  ] as const)('of %s in a verification of %s leaves nothing', async (victim, caller, at, wanted) => {
    const output = await ground.folderFor(caller, `verify-${victim}`);
    const bundle = await ownBundle(await sharedImage(), output);
    await ground.folderFor(caller, `verify-${victim}`);
    const before = await visibleFiles(output);
    const words = ['verify', bundle, '--accel', 'tcg'];
    const killed = await ground.kill(caller, words, victim, at);
    expect(killed.status, killed.output).toBe(wanted);
    await expect.poll(() => ground.leftovers(killed.scene), { timeout: 5000 }).toEqual([]);
    const added = (await visibleFiles(output)).filter(name => !before.includes(name));
    if (wanted === 6) await expectVerdictOnTheDead(output, added);
    else expect(added).toEqual([]);
  });

  it('as a runner does it on cancel, SIGINT and 7.5 s later SIGTERM, leaves a build nothing that post does not find', async () => {
    const output = await ground.folderFor('root', 'cancelled');
    const shared = await sharedImage();
    const step = new Step({ workspace: shared.workspace, env: jobEnvironment(ground.work) });
    try {
      const { child, ended } = step.start(NODE_24, 'build-image', { output });
      await expect.poll(() => workDirectories(output), { timeout: 60_000 }).toHaveLength(1);
      await expect
        .poll(async () => (await sceneOf(child.pid ?? 0, output)).members.length, { timeout: 60_000 })
        .toBeGreaterThan(5);
      const scene = await sceneOf(child.pid ?? 0, output);
      const before = Date.now();
      child.kill('SIGINT');
      const late = setTimeout(() => child.kill('SIGTERM'), 7500);
      const { status, signal } = await ended;
      clearTimeout(late);
      expect(status === 130 || signal === 'SIGINT').toBe(true);
      expect(Date.now() - before).toBeLessThan(2500);
      expect((await step.start(NODE_24, 'post').ended).status).toBe(0);
      await expect.poll(() => leftovers(output, scene), { timeout: 5000 }).toEqual([]);
      expect(await visibleFiles(output)).toEqual([]);
      expect(await workDirectories(output)).toEqual([]);
      expect(await readdir(step.temp)).toEqual([]);
    } finally {
      step.remove();
    }
  });
});

/** A guest that died is a verdict: failed, whole and signed, and nobody waited for an answer of the dead. */
async function expectVerdictOnTheDead(output: string, added: readonly string[]): Promise<void> {
  expect(added.map(name => name.split('/').at(-1))).toEqual(
    expect.arrayContaining(['statement.dsse.json', 'console.log']),
  );
  const file = added.find(name => name.endsWith('/report.json')) ?? '';
  const { checks } = JSON.parse(await readFile(join(output, file), 'utf8')) as Pick<Report, 'checks'>;
  const told = checks.filter(({ detail }) => detail.includes('QEMU ended with SIGKILL'));
  expect(told.map(({ name }) => name)).toEqual(expect.arrayContaining(['running', 'ssh', 'login-prompt']));
  expect(told.filter(({ seconds }) => seconds > 10)).toEqual([]);
}
