import { ElementError } from '../host/errors.ts';
import { lastLines, ToolError } from '../host/process.ts';
import { explainApt } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import { type Chroot, HOOKS, IN_TARGET } from './chroot.ts';
import { byNumber, type Hooks, PHASES, type Phase } from './hooks.ts';
import type { Layers } from './layers/layers.ts';
import type { PackageRequest } from './package-installs.ts';
import { BLOCK_DEVICE } from './script-environment.ts';
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
  readonly layers?: Pick<Layers, 'isDone' | 'passed' | 'initramfs'>;
}

interface Step {
  /** Where it stands among the numbered scripts, e.g. `01-package-installs`. */
  readonly name: string;
  readonly act: () => Promise<unknown>;
  /** Of a script: which one it is, in words. */
  readonly who?: string;
}

/** Runs one phase: the scripts of all elements and the engine's own steps, in the order of their names. */
export async function runPhase(world: PhaseWorld, phase: Phase): Promise<void> {
  const scripts = (await scriptsOf(world.chroot, world.hooks, phase)).map(script => ({
    name: script.name,
    act: () => runScript(world, script),
    who: nameOf(script),
  }));
  const steps: Step[] = [...scripts, ...engineSteps(world, phase)];
  for (const { name, act, who } of steps.sort((a, b) => byNumber(a.name, b.name))) {
    const place = `${phase}/${name}`;
    if (world.layers?.isDone(place)) continue;
    await world.log.timed(place, act);
    await world.layers?.passed(place, who);
  }
}

/** Where diskimage-builder's own element package-installs stands in each phase: before, and after the others. */
const PACKAGES: Partial<Record<Phase, readonly [install: string, uninstall: string]>> = {
  'pre-install.d': ['10-package-installs', '99-package-uninstalls'],
  'install.d': ['01-package-installs', '99-package-uninstalls'],
  'post-install.d': ['00-package-installs', '95-package-uninstalls'],
};

/** Names of the engine's own steps in a phase. */
export function engineStepNames(world: PhaseWorld, phase: Phase): string[] {
  return engineSteps(world, phase).map(each => each.name);
}

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
  const { env, ...rest } = options(world, 'update-initramfs');
  // With a date given, mkinitramfs asks for no threads; their number does not show in what zstd writes.
  const environment = { ...env, ZSTD_NBTHREADS: '0' };
  const make = async () => {
    await world.chroot.inside(['sh', '-c', INITRAMFS], { ...rest, env: environment });
  };
  await (world.layers?.initramfs({ environment, make }) ?? make());
}

/** Like rsync -lCr: links stay links, modes follow the umask, owners are root's. */
async function copyStatic(world: PhaseWorld): Promise<void> {
  const argv = ['cp', '-r', '-P', '--remove-destination', `${IN_TARGET}/static/.`, '/'];
  await world.chroot.inside(argv, options(world, 'static'));
}

async function runScript(world: PhaseWorld, script: Script): Promise<void> {
  const { chroot } = world;
  const place = `${script.phase}/${script.name}`;
  try {
    const { stdout } =
      PHASES[script.phase] === 'inside'
        ? await chroot.inside([`${IN_TARGET}/${place}`], options(world, script.element))
        : await chroot.outside([`${HOOKS}/${place}`], options(world, script.element));
    if (script.phase === 'block-device.d' && /^IMAGE_BLOCK_DEVICE=/m.test(stdout)) throw needsDevice(script);
  } catch (error) {
    throw error instanceof ToolError ? scriptFailed(world, script, error) : error;
  }
}

function scriptFailed(world: PhaseWorld, script: Script, { result }: ToolError): ElementError {
  const said = lastLines(`${result.stdout}\n${result.stderr}`, 20).replaceAll(' | ', '\n');
  const cause = new Error(`its last lines:\n${said}`);
  if (DEVICE_WORDS.test(said)) return needsDevice(script, world.log.file, cause);
  return new ElementError(`${nameOf(script)} ended with status ${result.status}`, {
    advice: `the whole log is ${world.log.file}`,
    cause,
  });
}

/** What is said by programs that want the disk in the making, or the kernel's devices to make one. */
const DEVICE_WORDS = new RegExp(
  `(${BLOCK_DEVICE}|/dev/(loop|mapper|nbd))[^\\n]*([Ii]s a directory|[Nn]ot a block|No such|not found|denied|[Cc]annot)|device-mapper:|losetup: `,
);

function needsDevice(script: Script, log?: string, cause?: Error): ElementError {
  return new ElementError(`${nameOf(script)} needs a real block device, and a build here has none`, {
    advice: `say what the disk is like in the factory file, and leave the element out${log === undefined ? '' : `; the whole log is ${log}`}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

function nameOf({ element, phase, name }: Script): string {
  return `${element === '' ? 'no element (made by another script)' : `element ${element}`}: ${phase}/${name}`;
}

function options(world: PhaseWorld, source: string) {
  return {
    env: world.environment,
    environment: true,
    onLine: (line: string) => world.log.line(source, line),
  };
}
