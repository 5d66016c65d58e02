import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { Chroot, HELPERS, inTree as inBareTree, TREE } from '../../src/build/chroot.ts';
import { layOutSources } from '../../src/build/dib.ts';
import { resolveElements } from '../../src/build/elements.ts';
import { writeFstab } from '../../src/build/finish.ts';
import { writeHelpers } from '../../src/build/helpers.ts';
import { assembleHooks, type Hooks, type Phase } from '../../src/build/hooks.ts';
import { runPhase } from '../../src/build/phases.ts';
import { scriptEnvironment } from '../../src/build/script-environment.ts';
import { sealTree } from '../../src/build/seal.ts';
import { ElementError, describe as tell } from '../../src/host/errors.ts';
import { element, type Files, LINE } from '../build/support.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const MIRROR = { archive: 'http://one.example/debian', security: 'http://one.example/debian-security' };

/** Each script says its name, in order of running, in a file of the tree, from within or from beside it. */
const say = (words: string): readonly [string, number] => [`#!/bin/sh\necho "${words}" >> /order\n`, 0o755];
const beside = (words: string): readonly [string, number] => [
  `#!/bin/bash\nset -eu\necho "${words}" | sudo tee -a $TARGET_ROOT/order > /dev/null\n`,
  0o755,
];

const ELEMENTS: Record<string, Files> = {
  first: {
    'environment.d/10-first': 'export COLOUR=red ORDER=one\n',
    'root.d/50-mount': beside(
      'root $COLOUR $(sudo mkdir -p $TMP_BUILD_DIR/kept $TARGET_ROOT/kept && sudo mount --bind $TMP_BUILD_DIR/kept $TARGET_ROOT/kept && echo mounted)',
    ),
    'extra-data.d/50-given': beside(
      'extra $(test -d $TMP_HOOKS_PATH/install.d && echo "#!/bin/sh" > $TMP_HOOKS_PATH/install.d/07-made; echo "echo made >> /order" >> $TMP_HOOKS_PATH/install.d/07-made; chmod 755 $TMP_HOOKS_PATH/install.d/07-made; echo left > $TMP_MOUNT_PATH/tmp/left)',
    ),
    'pre-install.d/50-b': say('pre 50 first $(cat /tmp/left)'),
    'install.d/9-early': say('install 9 $COLOUR $ORDER $GIVEN $IMAGE_FACTORY_USER $HOME'),
    'install.d/20-late': say('install 20 $(cat /etc/greeting)'),
    'install.d/30-perl': ['#!/usr/bin/perl\nopen F, ">>", "/order"; print F "perl $ENV{ORDER}\\n";\n', 0o755],
    'post-root.d/50-kept': beside('post-root $(findmnt -n -o TARGET $TARGET_ROOT/kept)'),
    'block-device.d/50-gone': beside('block-device $(findmnt -n -o TARGET $TARGET_ROOT/kept || echo gone)'),
    'pre-finalise.d/50-x': beside('pre-finalise $(grep -c LABEL $TARGET_ROOT/etc/fstab)'),
    'cleanup.d/50-x': beside(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's own
      'cleanup $(eval declare -A a=($(get_image_element_array)); test -f ${a[second]}/README && echo found)',
    ),
    'static/etc/greeting': 'hello',
    'static/etc/sudoers.d/first': ['rules', 0o440],
    'pkg-map': '{"default": {"tool": "tool-of-first"}}',
    'svc-map': 'web: { default: httpd }\n',
    'bin/svc-map': ['#!/bin/sh\necho own\n', 0o755],
    'init-scripts/systemd/first.service': '[Service]\n',
    'bin/helper': ['#!/bin/sh\necho helped\n', 0o755],
  },
  second: {
    README: 'about it',
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
  let chroot: Chroot;
  let hooks: Hooks;
  let log: BuildLog;

  const inTree = async (...argv: string[]) => (await chroot.inside(argv)).stdout;
  const phase = (name: Phase) =>
    runPhase(
      {
        chroot,
        hooks,
        log,
        environment: {
          ...scriptEnvironment({
            line: LINE,
            suite: 'bookworm',
            mirror: MIRROR,
            elements: hooks.elements,
            cache: chroot.cache,
          }),
          GIVEN: 'words',
        },
        packages: [],
        extra: [],
      },
      name,
    );

  beforeAll(async () => {
    workshop = await openOwnWorkshop(context, async work => {
      const all = Object.entries(ELEMENTS).map(([name, files]) => element(join(work, 'in'), name, files));
      const built = await resolveElements(['install-bin', 'dib-init-system'], [resolve('elements')]);
      const read = [...(await Promise.all(all)), ...built];
      await mkdir(join(work, 'elements'));
      hooks = await assembleHooks(read, join(work, 'elements/hooks'));
      await layOutSources(read, join(work, 'elements'));
      const helpers = join(work, 'elements/stand-ins', HELPERS);
      await writeHelpers(helpers, read, { distribution: 'debian', release: 'bookworm' });
    });
    log = new BuildLog(context, join(workshop.work, 'build.log'));
    const copy = `mkdir -p ${TREE} && cp -a /bin /sbin /lib* /usr /etc ${TREE} && cd ${TREE} && mkdir -p var proc sys dev run tmp root`;
    await workshop.sandbox.run(['sh', '-c', copy]);
    chroot = await Chroot.open(workshop.sandbox, 'phases');
  });

  afterAll(() => workshop?.close());

  it('run in order of numbers across elements, beside the tree and in it, with what earlier ones left', async () => {
    await phase('root.d');
    await chroot.mount();
    for (const name of [
      'extra-data.d',
      'pre-install.d',
      'install.d',
      'post-install.d',
      'post-root.d',
    ] as const)
      await phase(name);
    await chroot.unmount();
    await phase('block-device.d');
    await chroot.mount();
    await writeFstab(chroot, LINE.disk);
    await phase('pre-finalise.d');
    expect((await inTree('cat', '/order')).trim().split('\n')).toEqual([
      'root red mounted',
      'extra ',
      'pre 10 second',
      'pre 50 first left',
      'install 05 none',
      'made',
      'install 9 red two words debian /root',
      'install 20 hello',
      'perl two',
      'post helped',
      `post-root ${TREE}/kept`,
      'block-device gone',
      'pre-finalise 2',
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
    await phase('cleanup.d');
    expect(await inTree('tail', '-n', '1', '/order')).toBe('cleanup found\n');
  });

  it('leave a log of every line and the time of every step', async () => {
    const text = await readFile(log.file, 'utf8');
    expect(text).toContain('second: line 1\n');
    expect(said).toContain('second: line 30');
    expect(log.timings.map(each => each.what)).toContain('install.d/10-install-static');
  });

  it('leave programs and units of elements in the image by install-bin and dib-init-system', async () => {
    const modes = ['stat', '-c', '%a %U', '/usr/local/bin/helper', '/usr/lib/systemd/system/first.service'];
    expect(await inTree(...modes)).toBe('755 root\n644 root\n');
  });

  it("find diskimage-builder's helpers on the PATH, after those that elements bring", async () => {
    const words = [
      'pkg-map --element first tool',
      'svc-map web',
      'map-packages -m first tool',
      'command -v helper',
    ];
    expect(await inTree('sh', '-euc', words.join('\n'))).toBe(
      'tool-of-first\nown\ntool-of-first\n/usr/local/bin/helper\n',
    );
    const packages = `mkdir -p ${TREE}/var/lib ${TREE}/var/cache/apt/archives/partial && cp -a /var/lib/dpkg /var/lib/apt ${TREE}/var/lib`;
    await workshop.sandbox.run(['sh', '-c', packages]);
    expect(await inTree('install-packages', 'bash')).toMatch(/bash is already/);
    const failed = inTree('install-packages', '-m', 'first', 'tool');
    await expect(failed).rejects.toThrow(/Unable to locate package tool-of-first/);
  });

  it('see a chroot with /proc, /sys and /dev of their own, and leave nothing mounted in the tree', async () => {
    const seen = 'test -d /proc/1 && test -c /dev/null && test -d /sys/class && ls /tmp';
    expect(await inTree('sh', '-c', seen)).toBe('in_target.d\nleft\n');
    await expect(inTree('touch', '/tmp/in_target.d/install.d/x')).rejects.toThrow(/Read-only/);
    await chroot.unmount();
    await chroot.close();
    const places = ['proc', 'dev', 'run', 'tmp', 'kept'].map(name => `${TREE}/${name}`);
    const { stdout } = await workshop.sandbox.run(['find', ...places, '-mindepth', '1']);
    expect(stdout).toBe(`${TREE}/tmp/left\n`);
  });

  it('are followed by the seal, which no link leads out of the tree', async () => {
    const bare = async (...argv: string[]) => (await inBareTree(workshop.sandbox, argv)).stdout;
    const script = `echo x > /etc/machine-id; echo key > /etc/ssh_host; mkdir -p /var/lib/cloud/data/a /etc/ssh /var/log
      echo k > /etc/ssh/ssh_host_rsa_key; echo l > /var/log/dpkg.log; echo w > /var/log/wtmp
      ln -s /etc/passwd /etc/ssh/ssh_host_link; touch "$(printf '/var/lib/cloud/data/new\\nline')"`;
    await bare('sh', '-c', script);
    expect(await sealTree(workshop.sandbox)).toBeGreaterThan(5);
    const found = await bare(
      'sh',
      '-c',
      'ls /etc/ssh /var/lib/cloud/data /var/log; wc -c < /etc/machine-id; wc -c < /var/log/wtmp',
    );
    expect(found).not.toMatch(/ssh_host|dpkg\.log|new/);
    expect(found.trim().split('\n').slice(-2)).toEqual(['0', '0']);
    expect(Number(await bare('sh', '-c', 'wc -c < /etc/passwd'))).toBeGreaterThan(0);
    expect(await sealTree(workshop.sandbox)).toBe(0);
  });

  it('must not leave what has to go under a name that is not UTF-8', async () => {
    await inBareTree(workshop.sandbox, ['sh', '-c', 'touch "$(printf \'/var/lib/cloud/data/caf\\351\')"']);
    await expect(sealTree(workshop.sandbox)).rejects.toThrow(ElementError);
    await expect(sealTree(workshop.sandbox)).rejects.toThrow(/\/var\/lib\/cloud\/data\/caf.* is not UTF-8/);
  });
});
