import { ElementError } from '../host/errors.ts';
import { lastLines, ToolError } from '../host/process.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { explainApt } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import { IN_TARGET, inTarget } from './chroot.ts';
import { byNumber, type Hooks, type Phase, type Script } from './hooks.ts';
import type { PackageRequest } from './package-installs.ts';

export interface PhaseWorld {
  readonly sandbox: Sandbox;
  readonly hooks: Hooks;
  readonly log: BuildLog;
  /** What every script sees, beside its elements' environment.d. */
  readonly environment: Readonly<Record<string, string>>;
  /** Packages of the elements that are not installed yet. */
  readonly packages: readonly PackageRequest[];
}

interface Step {
  /** Where it stands among the numbered scripts, e.g. `01-package-installs`. */
  readonly name: string;
  readonly act: () => Promise<void>;
}

/** Runs one phase: the scripts of all elements and the engine's own steps, in the order of their names. */
export async function runPhase(world: PhaseWorld, phase: Phase): Promise<void> {
  const scripts = world.hooks.scripts[phase].map(script => ({
    name: script.name,
    act: () => runScript(world, script),
  }));
  const steps = [...scripts, ...engineSteps(world, phase)].sort((a, b) => byNumber(a.name, b.name));
  for (const step of steps) await world.log.timed(`${phase}/${step.name}`, step.act);
}

/** The numbers are those of diskimage-builder's own elements package-installs and install-static. */
function engineSteps(world: PhaseWorld, phase: Phase): Step[] {
  const wanted = (uninstall: boolean) =>
    world.packages
      .filter(each => each.phase === phase && each.uninstall === uninstall)
      .map(each => each.name);
  const steps: Step[] = [];
  const add = (name: string, act: () => Promise<void>) => steps.push({ name, act });
  if (wanted(false).length > 0) {
    const number = { 'pre-install.d': '02', 'install.d': '01', 'post-install.d': '00', 'finalise.d': '00' }[
      phase
    ];
    add(`${number}-package-installs`, () =>
      apt(world, ['install', '--no-install-recommends', ...wanted(false)]),
    );
  }
  if (phase === 'install.d')
    for (const name of world.hooks.statics) add(`10-static-${name}`, () => copyStatic(world, name));
  if (phase === 'finalise.d') add('01-initramfs', () => initramfs(world));
  const unwanted = world.packages.filter(each => each.uninstall).map(each => each.name);
  if (phase === 'post-install.d' && unwanted.length > 0) {
    add('95-package-uninstalls', () => apt(world, ['purge', '--autoremove', ...unwanted]));
  }
  return steps;
}

async function apt(world: PhaseWorld, words: readonly string[]): Promise<void> {
  try {
    await inTarget(world.sandbox, ['apt-get', '-y', ...words], options(world, 'apt-get'));
  } catch (error) {
    throw error instanceof ToolError ? explainApt(error) : error;
  }
}

const INITRAMFS = 'if command -v update-initramfs > /dev/null; then update-initramfs -c -k all; fi';

/** The one generation of the initramfs, when packages and files are what they will be. */
async function initramfs(world: PhaseWorld): Promise<void> {
  await inTarget(world.sandbox, ['sh', '-c', INITRAMFS], options(world, 'update-initramfs'));
}

/** Like rsync -lCr: links stay links, modes follow the umask, owners are root's. */
async function copyStatic(world: PhaseWorld, element: string): Promise<void> {
  const argv = ['cp', '-r', '-P', '--remove-destination', `${IN_TARGET}/static/${element}/.`, '/'];
  await inTarget(world.sandbox, argv, options(world, element));
}

async function runScript(world: PhaseWorld, script: Script): Promise<void> {
  try {
    await inTarget(
      world.sandbox,
      [`${IN_TARGET}/${script.phase}/${script.name}`],
      options(world, script.element),
    );
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const said = lastLines(`${error.result.stdout}\n${error.result.stderr}`, 20).replaceAll(' | ', '\n');
    throw new ElementError(
      `element ${script.element}: ${script.phase}/${script.name} ended with status ${error.result.status}`,
      { advice: `the whole log is ${world.log.file}`, cause: new Error(`its last lines:\n${said}`) },
    );
  }
}

function options(world: PhaseWorld, source: string) {
  return {
    env: {
      ...world.environment,
      PATH: `${IN_TARGET}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    },
    onLine: (line: string) => world.log.line(source, line),
  };
}
