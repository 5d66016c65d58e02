import { ElementError } from '../host/errors.ts';
import { lastLines, type RunResult, ToolError } from '../host/process.ts';
import { explainApt } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import { type Chroot, HOOKS, IN_TARGET } from './chroot.ts';
import { byNumber, type Hooks, PHASES, type Phase } from './hooks.ts';
import type { PackageRequest } from './package-installs.ts';
import { type Script, scriptsOf } from './scripts.ts';

export interface PhaseWorld {
  readonly chroot: Pick<Chroot, 'inside' | 'outside'>;
  readonly hooks: Hooks;
  readonly log: BuildLog;
  /** What every script sees, beside its elements' environment.d. */
  readonly environment: Readonly<Record<string, string>>;
  /** Packages of the elements that are not installed yet. */
  readonly packages: readonly PackageRequest[];
  /** Further packages, that the definition itself asks for. */
  readonly extra: readonly string[];
}

interface Step {
  /** Where it stands among the numbered scripts, e.g. `01-package-installs`. */
  readonly name: string;
  readonly act: () => Promise<unknown>;
}

/** Runs one phase: the scripts of all elements and the engine's own steps, in the order of their names. */
export async function runPhase(world: PhaseWorld, phase: Phase): Promise<void> {
  const scripts = (await scriptsOf(world.chroot, world.hooks, phase)).map(script => ({
    name: script.name,
    act: () => runScript(world, script),
  }));
  const steps = [...scripts, ...engineSteps(world, phase)].sort((a, b) => byNumber(a.name, b.name));
  for (const step of steps) await world.log.timed(`${phase}/${step.name}`, step.act);
}

/** Where diskimage-builder's own element package-installs stands in each phase: before, and after the others. */
const PACKAGES: Partial<Record<Phase, readonly [install: string, uninstall: string]>> = {
  'pre-install.d': ['10-package-installs', '99-package-uninstalls'],
  'install.d': ['01-package-installs', '99-package-uninstalls'],
  'post-install.d': ['00-package-installs', '95-package-uninstalls'],
};

/** The engine's stand-ins for elements of diskimage-builder, where those themselves are not there. */
function engineSteps(world: PhaseWorld, phase: Phase): Step[] {
  const { hooks } = world;
  const steps: Step[] = [];
  const names = PACKAGES[phase];
  if (names !== undefined && !hooks.elements.includes('package-installs')) {
    for (const [index, uninstall] of [false, true].entries()) {
      const wanted = world.packages.filter(each => each.phase === phase && each.uninstall === uninstall);
      if (wanted.length === 0) continue;
      const words = uninstall ? ['purge', '--autoremove'] : ['install', '--no-install-recommends'];
      steps.push({
        name: names[index] ?? '',
        act: () => apt(world, [...words, ...new Set(wanted.map(each => each.name))]),
      });
    }
  }
  if (phase === 'install.d' && hooks.statics && !hooks.elements.includes('install-static')) {
    steps.push({ name: '10-install-static', act: () => copyStatic(world) });
  }
  if (phase === 'post-install.d' && world.extra.length > 0) {
    // diskimage-builder has them between the phases.
    steps.push({
      name: '-1-packages',
      act: () => apt(world, ['install', '--no-install-recommends', ...world.extra]),
    });
  }
  if (phase === 'finalise.d') steps.push({ name: '01-initramfs', act: () => initramfs(world) });
  return steps;
}

async function apt(world: PhaseWorld, words: readonly string[]): Promise<void> {
  try {
    await world.chroot.inside(['apt-get', '-y', ...words], options(world, 'apt-get'));
  } catch (error) {
    throw error instanceof ToolError ? explainApt(error) : error;
  }
}

/** Kernels whose initramfs was left out of the bootstrap. */
const INITRAMFS = `if command -v update-initramfs > /dev/null; then
  for kernel in /boot/vmlinuz-*; do
    version=\${kernel#/boot/vmlinuz-}
    if [ -e "$kernel" ] && [ ! -e "/boot/initrd.img-$version" ]; then update-initramfs -c -k "$version"; fi
  done
fi`;

/** The one generation of the initramfs, when packages and files are what they will be. */
async function initramfs(world: PhaseWorld): Promise<void> {
  await world.chroot.inside(['sh', '-c', INITRAMFS], options(world, 'update-initramfs'));
}

/** Like rsync -lCr: links stay links, modes follow the umask, owners are root's. */
async function copyStatic(world: PhaseWorld): Promise<void> {
  const argv = ['cp', '-r', '-P', '--remove-destination', `${IN_TARGET}/static/.`, '/'];
  await world.chroot.inside(argv, options(world, 'static'));
}

async function runScript(world: PhaseWorld, script: Script): Promise<RunResult> {
  const { chroot } = world;
  const element = script.element === '' ? 'no element (made by another script)' : `element ${script.element}`;
  const place = `${script.phase}/${script.name}`;
  try {
    return PHASES[script.phase] === 'inside'
      ? await chroot.inside([`${IN_TARGET}/${place}`], options(world, script.element))
      : await chroot.outside([`${HOOKS}/${place}`], options(world, script.element));
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const said = lastLines(`${error.result.stdout}\n${error.result.stderr}`, 20).replaceAll(' | ', '\n');
    throw new ElementError(`${element}: ${place} ended with status ${error.result.status}`, {
      advice: `the whole log is ${world.log.file}`,
      cause: new Error(`its last lines:\n${said}`),
    });
  }
}

function options(world: PhaseWorld, source: string) {
  return {
    env: world.environment,
    environment: true,
    onLine: (line: string) => world.log.line(source, line),
  };
}
