import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { PHASES, type Phase, type Script } from '../../src/build/hooks.ts';
import type { InstallPhase, PackageRequest } from '../../src/build/package-installs.ts';
import { runPhase } from '../../src/build/phases.ts';
import { CancelledError, ElementError, NetworkError } from '../../src/host/errors.ts';
import { type RunResult, ToolError } from '../../src/host/process.ts';
import type { Sandbox, SandboxRunOptions } from '../../src/host/sandbox/sandbox.ts';
import { inTemporary, recordingContext } from '../host/support.ts';

const NONE: Record<Phase, Script[]> = {
  'pre-install.d': [],
  'install.d': [],
  'post-install.d': [],
  'finalise.d': [],
};

interface Given {
  readonly scripts?: readonly Script[];
  readonly statics?: readonly string[];
  readonly packages?: readonly PackageRequest[];
  /** What the sandbox does with the words behind `environment`. */
  readonly act?: (argv: readonly string[], options: SandboxRunOptions) => void;
  readonly signal?: AbortSignal;
}

/** Runs phases; gives the commands that were run in the tree, and the text of the log. */
async function ran(phases: readonly Phase[], given: Given = {}) {
  return inTemporary(async folder => {
    const commands: string[] = [];
    const run = async (argv: readonly string[], options: SandboxRunOptions = {}): Promise<RunResult> => {
      const words = argv.slice(argv.indexOf('environment') + 1);
      commands.push(words.join(' '));
      given.act?.(words, options);
      return { status: 0, stdout: '', stderr: '' };
    };
    const scripts = structuredClone(NONE);
    for (const script of given.scripts ?? []) scripts[script.phase].push(script);
    const { context, said } = recordingContext(given.signal ? { signal: given.signal } : {});
    const world = {
      // Only `run` is called; a real sandbox needs root, and has its own tests.
      sandbox: { run } as unknown as Sandbox,
      hooks: { scripts, statics: given.statics ?? [] },
      log: new BuildLog(context, join(folder, 'build.log')),
      environment: { DIB_RELEASE: 'bookworm' },
      packages: given.packages ?? [],
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
const failure = (status: number, stdout: string, stderr = '') => {
  throw new ToolError(['bash'], { status, stdout, stderr }, `ended with status ${status}`);
};

describe('runPhase', () => {
  it('runs scripts and the steps of the engine in the order of their numbers', async () => {
    const given = {
      scripts: [script('00-first'), script('05-middle'), script('11-last')],
      statics: ['site'],
      packages: [wanted('htop'), wanted('vim'), wanted('later', 'post-install.d')],
    };
    const { commands } = await ran(['install.d'], given);
    expect(commands).toEqual([
      '/tmp/in_target.d/install.d/00-first',
      'apt-get -y install --no-install-recommends htop vim',
      '/tmp/in_target.d/install.d/05-middle',
      'cp -r -P --remove-destination /tmp/in_target.d/static/site/. /',
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
    const { commands } = await ran(PHASES, { packages, scripts: [script('99-x', 'post-install.d')] });
    const install = 'apt-get -y install --no-install-recommends';
    expect(commands.slice(0, -1)).toEqual([
      `${install} for-pre`,
      `${install} for-install`,
      `${install} for-post`,
      'apt-get -y purge --autoremove gone',
      '/tmp/in_target.d/post-install.d/99-x',
    ]);
    expect(commands.at(-1)).toContain('update-initramfs -c');
  });

  it('makes the one initramfs before the scripts of finalise', async () => {
    const { commands } = await ran(PHASES, { scripts: [script('10-x', 'finalise.d')] });
    expect(commands).toHaveLength(2);
    expect(commands[0]).toContain('update-initramfs -c');
  });

  it('gives scripts the environment of the image, the bin of the elements first in the PATH', async () => {
    const seen: SandboxRunOptions['env'][] = [];
    await ran(['install.d'], { scripts: [script('10-x')], act: (_argv, { env }) => seen.push(env) });
    expect(seen[0]).toMatchObject({ DIB_RELEASE: 'bookworm' });
    expect(seen[0]?.PATH).toMatch(/^\/tmp\/in_target\.d\/bin:/);
  });

  it('logs what a script says under the name of its element, and the time of each step', async () => {
    const { log, said } = await ran(['install.d'], {
      scripts: [script('10-x')],
      act: (_argv, { onLine }) => onLine?.('hello\u001b[31m', 'stdout'),
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
        failure(3, `${Array.from({ length: 30 }, (_, at) => `line ${at}`).join('\n')}\n`, 'no such thing');
      },
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ElementError);
    expect(error).toMatchObject({ message: 'element site: install.d/10-x ended with status 3' });
    const cause = String((error as Error).cause);
    expect(cause).toMatch(/line 29\nno such thing$/);
    expect(cause).not.toContain('line 10\n');
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
