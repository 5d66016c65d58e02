import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, KillingGround } from '../end-to-end/kill-points.ts';
import { visibleFiles, workDirectories } from '../end-to-end/leftovers.ts';
import { ownBundle, sharedImage } from '../end-to-end/shared-image.ts';

/** Who is killed in a build, and who must run by then, in the order in which they come. */
const BUILD: readonly (readonly [victim: string, at: string | RegExp])[] = [
  ...(['unshare', 'agent', 'slirp4netns', 'mmdebstrap', 'apt-get', 'dpkg'] as const).map(
    role => [role, role] as const,
  ),
  ['slirp4netns', 'dpkg'],
  ['image-factory', 'dpkg'],
  ['agent', 'dpkg'],
  ['update-initramfs', 'update-initramfs'],
  ['image-factory', 'update-initramfs'],
  ['mke2fs', 'mke2fs'],
  ['agent', 'mke2fs'],
  ['image-factory', 'mke2fs'],
  ['qemu-img', 'qemu-img'],
  ['image-factory', 'qemu-img'],
  ['image-factory', /disk image: done/],
  ['image-factory', /computing digests: done/],
];

const VERIFICATION: readonly (readonly [victim: string, at: string | RegExp])[] = [
  ['image-factory', 'image-factory'],
  ['qemu-img', 'qemu-img'],
  ['image-factory', 'qemu-img'],
  ['qemu-system-x86_64', 'qemu-system-x86_64'],
  ['image-factory', 'qemu-system-x86_64'],
  ['qemu-system-x86_64', 'ssh'],
  ['ssh', 'ssh'],
  ['image-factory', 'ssh'],
  ['image-factory', /passed {2}console/],
];

const CALLERS: readonly Caller[] = ['root', 'user'];

/** SIGKILL to each of our processes in turn, from the first second of a build and of a verification to the last. */
describe.each(CALLERS)('a kill in the work of %s', caller => {
  let ground: KillingGround;

  beforeAll(async () => {
    ground = await KillingGround.open();
  });

  afterAll(() => ground?.close());

  const building =
    caller === 'user' ? [['sudo', 'sudo'] as const, ['sudo', 'dpkg'] as const, ...BUILD] : BUILD;

  it.each(building)('of %s in a build, when %s is at work, leaves nothing', async (victim, at) => {
    const output = await ground.folderFor(caller, 'out');
    const dead = await workDirectories(output);
    const killed = await ground.kill(caller, ['build', '--output', output], victim, at);
    await expect.poll(() => ground.leftovers(killed.scene), { timeout: 5000 }).toEqual([]);
    const left = await workDirectories(output);
    expect(left.filter(name => dead.includes(name))).toEqual([]);
    expect(left).toHaveLength(victim === 'image-factory' ? 1 : 0);
    expect(await visibleFiles(output)).toEqual([]);
  });

  it('is followed by a build that works', async () => {
    const output = await ground.folderFor(caller, 'out');
    await ground.kill(caller, ['build', '--output', output], 'image-factory', 'dpkg');
    const { status, output: said } = await ground.run(caller, ['build', '--output', output]);
    expect(status, said).toBe(0);
    expect(await workDirectories(output)).toEqual([]);
  });

  it.each(VERIFICATION)('of %s in a verification, when %s is at work, leaves nothing', async (victim, at) => {
    const output = await ground.folderFor(caller, 'verify');
    const bundle = await ownBundle(await sharedImage(), output);
    await ground.folderFor(caller, 'verify');
    const before = await visibleFiles(output);
    const killed = await ground.kill(caller, ['verify', bundle, '--accel', 'tcg'], victim, at);
    expect(killed.status, killed.output).not.toBe(0);
    await expect.poll(() => ground.leftovers(killed.scene), { timeout: 5000 }).toEqual([]);
    const added = (await visibleFiles(output)).filter(name => !before.includes(name));
    const verdicts = added.filter(name => name.endsWith('/statement.dsse.json'));
    // What is there is a whole verdict, or nothing.
    if (killed.status === 6 || verdicts.length > 0)
      expect([verdicts.length, added.length >= 4]).toEqual([1, true]);
    else expect(added).toEqual([]);
    await rm(output, { recursive: true, force: true });
  });
});
