import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { inChroot } from '../../src/build/chroot.ts';
import { assembleHooks, type Hooks, PHASES } from '../../src/build/hooks.ts';
import { runPhase } from '../../src/build/phases.ts';
import { sealTree } from '../../src/build/seal.ts';
import { ElementError, describe as tell } from '../../src/host/errors.ts';
import { element, type Files } from '../build/support.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

/** Each script says its name, in order of running, in a file of the tree. */
const say = (words: string): readonly [string, number] => [`#!/bin/sh\necho "${words}" >> /order\n`, 0o755];

const ELEMENTS: Record<string, Files> = {
  first: {
    'environment.d/10-first': 'export COLOUR=red ORDER=one\n',
    'pre-install.d/50-b': say('pre 50 first'),
    'install.d/9-early': say('install 9 $COLOUR $ORDER $GIVEN $IMAGE_FACTORY_USER'),
    'install.d/20-late': say('install 20 $(cat /etc/greeting)'),
    'static/etc/greeting': 'hello',
    'static/etc/sudoers.d/first': ['rules', 0o440],
    'bin/helper': ['#!/bin/sh\necho helped\n', 0o755],
  },
  second: {
    'environment.d/20-second': 'ORDER=two\n',
    'environment.d/9-zero': 'export ORDER=zero\n',
    'pre-install.d/10-a': say('pre 10 second'),
    'install.d/05-check': say('install 05 $(ls /etc/greeting 2> /dev/null || echo none)'),
    'post-install.d/50-x': say('post $(helper)'),
    'finalise.d/02-y': say('finalise'),
    'finalise.d/99-fail': ['#!/bin/sh\nfor n in $(seq 30); do echo line $n; done\nexit 7\n', 0o755],
  },
};

/** Real scripts in a real chroot: a copy of the tools tree stands for an image's. */
describe('the phases of a build', () => {
  const { context, said } = recordingContext({ env: process.env });
  let workshop: OpenWorkshop;
  let hooks: Hooks;
  let log: BuildLog;

  const inTree = async (...argv: string[]) => (await inChroot(workshop.sandbox, argv)).stdout;
  const phase = (name: (typeof PHASES)[number]) =>
    runPhase(
      {
        sandbox: workshop.sandbox,
        hooks,
        log,
        environment: { GIVEN: 'words', IMAGE_FACTORY_USER: 'debian' },
        packages: [],
      },
      name,
    );

  beforeAll(async () => {
    workshop = await openOwnWorkshop(context, async work => {
      const read = Object.entries(ELEMENTS).map(([name, files]) => element(join(work, 'in'), name, files));
      await mkdir(join(work, 'elements'));
      hooks = await assembleHooks(await Promise.all(read), join(work, 'elements/hooks'));
    });
    log = new BuildLog(context, join(workshop.work, 'build.log'));
    const copy =
      'mkdir /build/tree && cp -a /bin /sbin /lib* /usr /etc /build/tree && cd /build/tree && mkdir -p var proc sys dev run tmp root';
    await workshop.sandbox.run(['sh', '-c', copy]);
  });

  afterAll(() => workshop?.close());

  it('run in order of numbers across elements, with their environment, static files and commands', async () => {
    for (const name of PHASES.slice(0, 3)) await phase(name);
    expect((await inTree('cat', '/order')).trim().split('\n')).toEqual([
      'pre 10 second',
      'pre 50 first',
      'install 05 none',
      'install 9 red two words debian',
      'install 20 hello',
      'post helped',
    ]);
  });

  it('copy static files with modes and as root', async () => {
    expect(await inTree('stat', '-c', '%a %u:%g %s', '/etc/sudoers.d/first')).toBe('440 0:0 5\n');
  });

  it('end with the name of the element and script that failed, and its last words', async () => {
    const error = await phase('finalise.d').catch((each: unknown) => each);
    expect(error).toBeInstanceOf(ElementError);
    const { line, causes } = tell(error);
    expect(line).toBe(`element second: finalise.d/99-fail ended with status 7: the whole log is ${log.file}`);
    expect(causes[0]?.split('\n').slice(-2)).toEqual(['line 29', 'line 30']);
    expect(causes[0]).not.toContain('line 10\n');
    expect(await inTree('tail', '-n', '1', '/order')).toBe('finalise\n');
  });

  it('leave a log of every line and the time of every step', async () => {
    const text = await readFile(log.file, 'utf8');
    expect(text).toContain('second: line 1\n');
    expect(said).toContain('second: line 30');
    expect(log.timings.map(each => each.what)).toContain('install.d/10-static-first');
  });

  it('see a chroot with /proc, /sys and /dev of their own, and leave nothing mounted in the tree', async () => {
    const seen = await inTree(
      'sh',
      '-c',
      'test -d /proc/1 && test -c /dev/null && test -d /sys/class && ls /tmp',
    );
    expect(seen).toBe('in_target.d\n');
    const left = await workshop.sandbox.run([
      'sh',
      '-c',
      'ls -A /build/tree/proc /build/tree/dev /build/tree/tmp',
    ]);
    expect(left.stdout).not.toMatch(/null|in_target/);
  });

  it('are followed by the seal, which no link leads out of the tree', async () => {
    const script = `echo x > /etc/machine-id; echo key > /etc/ssh_host; mkdir -p /var/lib/cloud/a /etc/ssh /var/log
      echo k > /etc/ssh/ssh_host_rsa_key; echo l > /var/log/dpkg.log; echo w > /var/log/wtmp
      ln -s /etc/passwd /etc/ssh/ssh_host_link; touch "$(printf '/var/lib/cloud/new\\nline')"`;
    await inTree('sh', '-c', script);
    expect(await sealTree(workshop.sandbox)).toBeGreaterThan(5);
    const found = await inTree(
      'sh',
      '-c',
      'ls /etc/ssh /var/lib/cloud /var/log; wc -c < /etc/machine-id; wc -c < /var/log/wtmp',
    );
    expect(found).not.toMatch(/ssh_host|dpkg\.log|new/);
    expect(found.trim().split('\n').slice(-2)).toEqual(['0', '0']);
    expect(Number(await inTree('sh', '-c', 'wc -c < /etc/passwd'))).toBeGreaterThan(0);
    expect(await sealTree(workshop.sandbox)).toBe(0);
  });

  it('must not leave what has to go under a name that is not UTF-8', async () => {
    await inTree('sh', '-c', 'touch "$(printf \'/var/lib/cloud/caf\\351\')"');
    await expect(sealTree(workshop.sandbox)).rejects.toThrow(ElementError);
    await expect(sealTree(workshop.sandbox)).rejects.toThrow(/\/var\/lib\/cloud\/caf.* is not UTF-8/);
  });
});
