import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import type { ScriptOptions } from '../../src/build/chroot.ts';
import { PHASES, type Phase } from '../../src/build/hooks.ts';
import type { InstallPhase, PackageRequest } from '../../src/build/package-installs.ts';
import { runPhase } from '../../src/build/phases.ts';
import type { Script } from '../../src/build/scripts.ts';
import { CancelledError, ElementError, NetworkError } from '../../src/host/errors.ts';
import { type RunResult, ToolError } from '../../src/host/process.ts';
import { inTemporary, recordingContext } from '../host/support.ts';

const EVERY = Object.keys(PHASES) as Phase[];

interface Given {
  readonly scripts?: readonly Script[];
  readonly statics?: boolean;
  readonly elements?: readonly string[];
  readonly packages?: readonly PackageRequest[];
  readonly extra?: readonly string[];
  /** What a command does, inside or outside. */
  readonly act?: (argv: readonly string[], options: ScriptOptions) => string | undefined;
  readonly signal?: AbortSignal;
}

/** Runs phases; gives the commands that were run, those outside the tree marked so, and the text of the log. */
async function ran(phases: readonly Phase[], given: Given = {}) {
  return inTemporary(async folder => {
    const commands: string[] = [];
    const scripts = given.scripts ?? [];
    const act = (argv: readonly string[], options: ScriptOptions = {}): RunResult => ({
      status: 0,
      stdout: given.act?.(argv, options) ?? '',
      stderr: '',
    });
    // A real chroot needs root, and has its own tests.
    const chroot = {
      inside: async (argv: readonly string[], options?: ScriptOptions) => {
        commands.push(argv.join(' '));
        return act(argv, options);
      },
      outside: async (argv: readonly string[], options?: ScriptOptions) => {
        if (argv[0] === 'find') {
          const there = scripts.filter(each => argv[1] === `/build/dib.build/hooks/${each.phase}`);
          return { status: 0, stdout: there.map(each => `${each.name}\0`).join(''), stderr: '' };
        }
        commands.push(`outside: ${argv.join(' ')}`);
        return act(argv, options);
      },
    };
    const { context, said } = recordingContext(given.signal ? { signal: given.signal } : {});
    const owners = new Map(scripts.map(each => [`${each.phase}/${each.name}`, each.element]));
    const world = {
      chroot,
      hooks: { elements: given.elements ?? ['site'], owners, statics: given.statics ?? false },
      log: new BuildLog(context, join(folder, 'build.log')),
      environment: { DIB_RELEASE: 'bookworm' },
      packages: given.packages ?? [],
      extra: given.extra ?? [],
    };
    for (const phase of phases) await runPhase(world, phase);
    return { commands, said, log: await readFile(world.log.file, 'utf8') };
  });
}

const script = (name: string, phase: Phase = 'install.d', element = 'site'): Script => ({
  name,
  phase,
  element,
});
const wanted = (name: string, phase: InstallPhase = 'install.d', uninstall = false): PackageRequest => ({
  name,
  phase,
  uninstall,
  element: 'site',
});
const failure = (status: number, stdout: string, stderr = ''): never => {
  throw new ToolError(['bash'], { status, stdout, stderr }, `ended with status ${status}`);
};

describe('runPhase', () => {
  it('runs scripts and the steps of the engine in the order of their numbers', async () => {
    const given = {
      scripts: [script('00-first'), script('05-middle'), script('11-last')],
      statics: true,
      packages: [wanted('htop'), wanted('vim'), wanted('later', 'post-install.d')],
    };
    const { commands } = await ran(['install.d'], given);
    expect(commands).toEqual([
      '/tmp/in_target.d/install.d/00-first',
      'apt-get -y install --no-install-recommends htop vim',
      '/tmp/in_target.d/install.d/05-middle',
      'cp -r -P --remove-destination /tmp/in_target.d/static/. /',
      '/tmp/in_target.d/install.d/11-last',
    ]);
  });

  it('installs each package in its own phase, and removes the unwanted after all', async () => {
    const packages = [
      wanted('for-post', 'post-install.d'),
      wanted('for-install'),
      wanted('for-pre', 'pre-install.d'),
      wanted('gone', 'install.d', true),
    ];
    const given = { packages, scripts: [script('99-x', 'post-install.d')], extra: ['htop'] };
    const { commands } = await ran(EVERY, given);
    const install = 'apt-get -y install --no-install-recommends';
    expect(commands.slice(0, -1)).toEqual([
      `${install} for-pre`,
      `${install} for-install`,
      'apt-get -y purge --autoremove gone',
      `${install} htop`,
      `${install} for-post`,
      '/tmp/in_target.d/post-install.d/99-x',
    ]);
    expect(commands.at(-1)).toContain('update-initramfs -c');
  });

  it('makes the one initramfs before the scripts of finalise', async () => {
    const { commands } = await ran(EVERY, { scripts: [script('10-x', 'finalise.d')] });
    expect(commands).toHaveLength(2);
    expect(commands[0]).toContain('update-initramfs -c');
  });

  it("leaves packages and static files to diskimage-builder's own elements, where those are there", async () => {
    const { commands } = await ran(EVERY, {
      elements: ['install-static', 'package-installs', 'site'],
      statics: true,
      packages: [wanted('htop'), wanted('gone', 'install.d', true)],
    });
    expect(commands.join('\n')).not.toMatch(/htop|gone|static/);
  });

  it('runs scripts of the phases outside beside the tree, those of the others in it', async () => {
    const scripts = EVERY.map(phase => script('50-x', phase));
    const { commands } = await ran(EVERY, { scripts });
    const phases = commands.filter(each => each.includes('50-x'));
    expect(phases).toEqual([
      'outside: /build/dib.build/hooks/root.d/50-x',
      'outside: /build/dib.build/hooks/extra-data.d/50-x',
      '/tmp/in_target.d/pre-install.d/50-x',
      '/tmp/in_target.d/install.d/50-x',
      '/tmp/in_target.d/post-install.d/50-x',
      'outside: /build/dib.build/hooks/post-root.d/50-x',
      'outside: /build/dib.build/hooks/block-device.d/50-x',
      'outside: /build/dib.build/hooks/pre-finalise.d/50-x',
      '/tmp/in_target.d/finalise.d/50-x',
      'outside: /build/dib.build/hooks/cleanup.d/50-x',
    ]);
  });

  it('gives scripts the environment of the image, and that of the elements', async () => {
    const seen: ScriptOptions[] = [];
    await ran(['install.d'], { scripts: [script('10-x')], act: (_argv, options) => void seen.push(options) });
    expect(seen[0]).toMatchObject({ environment: true, env: { DIB_RELEASE: 'bookworm' } });
  });

  it('logs what a script says under the name of its element, and the time of each step', async () => {
    const { log, said } = await ran(['install.d'], {
      scripts: [script('10-x')],
      act: (_argv, { onLine }) => void onLine?.('hello\u001b[31m', 'stdout'),
    });
    expect(log).toMatch(/^== install\.d\/10-x\nsite: hello.*\n== install\.d\/10-x: \d+\.\d s\n$/);
    expect(log).not.toContain('\u001b');
    expect(said[0]).toMatch(/^site: hello/);
  });
});

describe('a step that fails', () => {
  it('is told by element, phase, script and status, with the last lines as cause', async () => {
    const error = await ran(['install.d'], {
      scripts: [script('10-x'), script('20-never')],
      act: argv => {
        expect(argv[0]).not.toContain('never');
        return failure(
          3,
          `${Array.from({ length: 30 }, (_, at) => `line ${at}`).join('\n')}\n`,
          'no such thing',
        );
      },
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ElementError);
    expect(error).toMatchObject({ message: 'element site: install.d/10-x ended with status 3' });
    const cause = String((error as Error).cause);
    expect(cause).toMatch(/line 29\nno such thing$/);
    expect(cause).not.toContain('line 10\n');
  });

  it('is told to need a block device, where it looks for one', async () => {
    const act = () => failure(1, '', "dd: failed to open '/dev/image': Is a directory\n");
    const error = await ran(['pre-finalise.d'], { scripts: [script('50-dd', 'pre-finalise.d')], act }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ElementError);
    expect((error as Error).message).toMatch(
      /^element site: pre-finalise\.d\/50-dd needs a real block device/,
    );
  });

  it('names the disk and is not told to need one, when it fails of something else', async () => {
    const act = () => failure(1, '+ grub-install --force /dev/image\n+ false\n');
    const given = { scripts: [script('50-x', 'cleanup.d')], act };
    await expect(ran(['cleanup.d'], given)).rejects.toThrow(/50-x ended with status 1$/);
  });

  it('is a script that makes the block device itself', async () => {
    const act = () => 'IMAGE_BLOCK_DEVICE=/dev/loop0\n';
    const given = { scripts: [script('50-loop', 'block-device.d')], act };
    await expect(ran(['block-device.d'], given)).rejects.toThrow(/block-device\.d\/50-loop needs a real/);
  });

  it('is the mirror, where apt says so', async () => {
    const act = () => failure(100, '', 'E: Failed to fetch http://m.example/x  503  Service Unavailable\n');
    await expect(ran(['install.d'], { packages: [wanted('htop')], act })).rejects.toThrow(NetworkError);
  });

  it('stays what it is when it is no fault of a tool', async () => {
    const act = () => {
      throw new CancelledError();
    };
    await expect(ran(['install.d'], { scripts: [script('10-x')], act })).rejects.toThrow(CancelledError);
  });

  it('does not start when the run was cancelled', async () => {
    const act = () => expect.unreachable();
    const given = { scripts: [script('10-x')], act, signal: AbortSignal.abort() };
    await expect(ran(['install.d'], given)).rejects.toThrow(CancelledError);
  });
});
