import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { hostMirror, type Mirror } from '../../src/build/distributions/debian.ts';
import { DEFAULT_CHECKS } from '../../src/definition/builtin.ts';
import { createContext } from '../../src/host/context.ts';
import { places } from '../../src/host/places.ts';
import { rootPrefix } from '../../src/host/privilege.ts';
import { plainEnvironment, run } from '../../src/host/process.ts';
import { requireTools } from '../../src/host/tools.ts';
import { run as program } from '../end-to-end/program.ts';
import type { Group } from './groups.ts';

const BOOKWORM = 'bookworm';
/** Of the image. */
const NAME = 'debian-12';
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** The checks that every guest has to pass. */
const FIRST: readonly string[] = [
  ...['running', 'address', 'ssh', 'user-data', 'resolver', 'root-password', 'root-grows', 'console'],
];

/** What disk-image-create needs of the host. */
const REFERENCE_TOOLS = [
  ['disk-image-create', 'python3-diskimage-builder'],
  ['debootstrap', 'debootstrap'],
  ['kpartx', 'kpartx'],
  ['dmsetup', 'dmsetup'],
  ['sgdisk', 'gdisk'],
  ['partx', 'util-linux'],
  ['mkfs.ext4', 'e2fsprogs'],
  ['mkfs.vfat', 'dosfstools'],
  ['qemu-img', 'qemu-utils'],
  ['jq', 'jq'],
  ['curl', 'curl'],
  ['rsync', 'rsync'],
  ['sudo', 'sudo'],
  ['git', 'git'],
].map(([needs = '', name = '']) => ({ needs, package: name }));

/** Mounts and processes of a command end with it; its host name is its own. */
const APART = [
  ...[
    'unshare',
    '--mount',
    '--propagation=private',
    '--uts',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ],
];

/** Installs disk-image-create and what it needs, with diskimage-builder's elements, where they are not there. */
export async function installReference(): Promise<void> {
  const context = createContext({ env: process.env });
  const install = process.env.IMAGE_FACTORY_INSTALL_TOOLS !== 'false';
  await requireTools(context, REFERENCE_TOOLS, { install, root: rootPrefix });
}

/** An element that tells diskimage-builder of the mirror what takes several lines. */
const MIRROR = 'mirror';

function sourcesOf({ archive, security }: Mirror, suite: string): string {
  const signed = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  return [
    `default:deb ${signed} ${archive} ${suite} main`,
    `updates:deb ${signed} ${archive} ${suite}-updates main`,
    `security:deb ${signed} ${security} ${suite}-security main`,
  ].join('\n');
}

/** Lays out a folder of elements with `exercise` and `mirror`. */
export async function layElements(folder: string, suite = BOOKWORM): Promise<Mirror> {
  const mirror = await hostMirror();
  if (mirror === undefined) throw new Error("the host's apt knows no Debian archive");
  const exercise = join(folder, 'exercise');
  await mkdir(folder, { recursive: true });
  await cp(join(import.meta.dirname, 'exercise'), exercise, { recursive: true });
  await writeFile(join(exercise, 'exercise-sources.list'), `deb ${mirror.archive} ${suite} main\n`);
  const variables = join(folder, MIRROR, 'environment.d');
  await mkdir(variables, { recursive: true });
  await writeFile(
    join(variables, '05-mirror.bash'),
    `export DIB_APT_SOURCES_CONF='${sourcesOf(mirror, suite)}'\n`,
  );
  const release = `${mirror.archive}/dists/${suite}/Release`;
  await writeFile(join(exercise, 'source-repository-exercise'), `exercise file /opt/exercise ${release}\n`);
  return mirror;
}

/** The variables of a group, and those by which diskimage-builder knows the mirror. */
function environmentOf(group: Group, { archive, security }: Mirror): Record<string, string> {
  return {
    DIB_RELEASE: BOOKWORM,
    DIB_PYTHON_EXEC: 'python3',
    DIB_DISTRIBUTION_MIRROR: archive,
    DIB_DEBIAN_SECURITY_MIRROR: security,
    DIB_APT_LOCAL_CACHE: '1',
    DIB_DISABLE_APT_CLEANUP: '1',
    ...group.environment,
  };
}

/** @returns path of the raw disk that disk-image-create makes in work, or has made there before */
export async function buildReference(group: Group, work: string): Promise<string> {
  const [elements, disk] = [join(work, 'elements'), join(work, `${NAME}.raw`)];
  if (existsSync(disk)) return disk;
  const mirror = await layElements(elements, group.environment['DIB_RELEASE']);
  const cache = join(places(createContext({ env: process.env })).cache, 'disk-image-create');
  const place = [cache, elements, work, NAME];
  const argv = ['sh', join(import.meta.dirname, 'reference.sh'), ...place, ...group.elements, MIRROR];
  const log: string[] = [];
  const root = await rootPrefix();
  const env = plainEnvironment({ PATH, ...environmentOf(group, mirror) });
  const said = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  await run([...root, 'env', '-i', ...said, ...APART, ...argv], { onLine: line => log.push(line) }).catch(
    cause => {
      throw new Error(`disk-image-create failed:\n${log.slice(-30).join('\n')}`, { cause });
    },
  );
  return disk;
}

export interface Built {
  readonly bundle: string;
  readonly raw: string;
  /** Names of the steps that ran, e.g. `install.d/50-motd`. */
  readonly steps: ReadonlySet<string>;
}

/** The same elements by the program, from the same mirror; what an earlier call made in work is taken. */
export async function buildOurs(group: Group, work: string): Promise<Built> {
  const mirror = await layElements(join(work, 'elements'));
  const line = {
    elements: [...group.elements, MIRROR],
    environment: environmentOf(group, mirror),
    forms: ['raw'],
    mirror: { image: mirror.archive },
    // The first eight: what diskimage-builder's elements leave to the operator, such as accounts, is not asked for.
    verify: {
      boot: '30m',
      checks: DEFAULT_CHECKS.filter(name => !FIRST.includes(name)).map(name => `-${name}`),
    },
  };
  const factory = join(work, 'factory.yaml');
  await writeFile(factory, stringify({ images: { [NAME]: line } }));
  const versions = join(work, 'out', NAME);
  if (!existsSync(versions)) {
    const { status, output } = await program(['build', '--factory', factory, '--output', join(work, 'out')]);
    if (status !== 0) throw new Error(`image-factory build ended with ${status}:\n${output}`);
  }
  const bundle = join(versions, (await readdir(versions)).find(name => /^\d.*-amd64$/.test(name)) ?? '');
  const core = join(bundle, 'core');
  const raw = (await readdir(core)).find(name => name.endsWith('.raw')) ?? '';
  const manifest = JSON.parse(await readFile(join(core, 'manifest.json'), 'utf8')) as {
    timings: { what: string }[];
  };
  return { bundle, raw: join(core, raw), steps: new Set(manifest.timings.map(each => each.what)) };
}

/** Folder of diskimage-builder's own elements, as the package installs them. */
export async function installedElements(): Promise<string> {
  const python = 'import diskimage_builder.paths as paths; print(paths.get_path("elements"))';
  const { stdout } = await run(['/usr/bin/python3', '-c', python], { env: plainEnvironment({}) });
  const folder = stdout.trim();
  if (!existsSync(folder)) throw new Error(`no elements in ${folder}`);
  return folder;
}
