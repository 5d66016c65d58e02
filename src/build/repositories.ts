import { join } from 'node:path';
import type { ImageLine, Repository } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError, NetworkError, TrustError } from '../host/errors.ts';
import { ToolError } from '../host/process.ts';
import { fingerprintOf, readPublicKeyFile } from '../trust/keys.ts';
import { candidatesFrom } from './apt-policy.ts';
import { fetchFile, sha256 } from './archive/fetch.ts';
import { explainApt } from './bootstrap.ts';
import type { BuildLog } from './build-log.ts';
import type { Chroot } from './chroot.ts';
import { aptWithLogins, Login } from './repository-login.ts';

/** A package repository whose key is the pinned one, as it stands now. */
export interface KnownRepository extends Repository {
  /** The pinned key alone, armored. */
  readonly armoredKey: string;
  /** SHA-256 of its InRelease file. */
  readonly inReleaseSha256: string;
  /** What apt's pin names it by: `o=Origin,l=Label,n=Codename`. */
  readonly release: string;
  /** For one that asks for it. */
  readonly login?: Login;
}

/**
 * Reads the keys and asks the repositories for their present state. Signatures are for apt to judge.
 * @param directory of the factory file
 * @throws TrustError when a key file does not hold the pinned key, NetworkError, DefinitionError
 */
export async function knowRepositories(
  context: Context,
  line: ImageLine,
  directory: string,
): Promise<KnownRepository[]> {
  return Promise.all(line.repositories.map(each => know(context, each, directory)));
}

async function know(context: Context, repository: Repository, directory: string): Promise<KnownRepository> {
  const { uri, suite } = repository;
  const login = Login.of(context, repository);
  const armoredKey = await pinnedKey(repository, join(directory, repository.key));
  const folder = suite.endsWith('/') ? `${uri}/${suite.replace(/^\/+/, '')}` : `${uri}/dists/${suite}/`;
  const text = await fetchRelease(context, repository, `${folder}InRelease`, login);
  const release = releaseOf(repository, text);
  const known = { ...repository, armoredKey, inReleaseSha256: sha256(text), release };
  return login === undefined ? known : { ...known, login };
}

async function fetchRelease(
  context: Context,
  { name }: Repository,
  url: string,
  login: Login | undefined,
): Promise<string> {
  const options = login === undefined ? {} : { authorization: login.authorization() };
  try {
    return (await fetchFile(context, url, options)).toString('utf8');
  } catch (cause) {
    if (login === undefined || !(cause instanceof NetworkError)) throw cause;
    throw new NetworkError(`repository ${name} cannot be read: ${cause.message}`, {
      advice: `check its address and the login in ${login.variable}`,
      cause,
    });
  }
}

async function pinnedKey({ name, fingerprint }: Repository, path: string): Promise<string> {
  const keys = await readPublicKeyFile(path);
  const pinned = keys.find(key => fingerprintOf(key) === fingerprint);
  if (pinned !== undefined) return pinned.armor();
  throw new TrustError(`${path} does not hold the key ${fingerprint} that repository ${name} is pinned to`, {
    advice: `it holds ${keys.map(fingerprintOf).join(', ')}: ask its owner which is right`,
  });
}

/** A pin by the host's name would take other archives of that host along. */
function releaseOf({ name, pin }: Repository, text: string): string {
  const field = (key: string) => new RegExp(`^${key}: *([^\\n,]*[^\\n, ])$`, 'm').exec(text)?.[1];
  const named = [
    ['o', field('Origin')],
    ['l', field('Label')],
    ['n', field('Codename')],
  ].filter(([, value]) => value !== undefined);
  if (!/^SHA256:/m.test(text)) {
    throw new NetworkError(`repository ${name} has no InRelease file that apt could read`, {
      advice: 'check its address and suite',
    });
  }
  if (pin === undefined || named.some(([key]) => key !== 'n'))
    return named.map(each => each.join('=')).join(',');
  throw new DefinitionError(`repository ${name} tells neither Origin nor Label, so no pin can name it`, {
    advice: 'take the pin away, or have its owner name it',
  });
}

/** Takes the place of a file, whatever lay there. */
const WRITE = 'mkdir -p "$(dirname "$1")"; rm -f "$1"; cat > "$1"; chmod 644 "$1"';

const files = ({ name }: Repository) => ({
  key: `/etc/apt/keyrings/${name}.asc`,
  sources: `/etc/apt/sources.list.d/${name}.sources`,
  pin: `/etc/apt/preferences.d/${name}.pref`,
});

/**
 * Makes the repositories known to the tree's apt, each with its own key and no other, and brings what is installed
 * already to the versions that apt prefers now. What is wanted of those that ask for a login is installed at once,
 * and they are gone again: the scripts of elements come later, and find neither login nor repository.
 * @param wanted names of the packages that the image will have
 */
export async function addRepositories(
  chroot: Chroot,
  repositories: readonly KnownRepository[],
  wanted: readonly string[],
  log: BuildLog,
): Promise<void> {
  if (repositories.length === 0) return;
  const write = (path: string, input: string) => chroot.inside(['sh', '-c', WRITE, 'write', path], { input });
  for (const repository of repositories) {
    const paths = files(repository);
    await write(paths.key, repository.armoredKey);
    await write(paths.sources, sourcesText(repository, paths.key));
    if (repository.pin !== undefined) await write(paths.pin, pinText(repository, repository.pin));
  }
  const locked = repositories.filter(each => each.login !== undefined);
  if (locked.length > 0) await explained(installLocked(chroot, locked, wanted, log));
  else {
    await refreshLists(chroot, log);
    await explained(chroot.inside(UPGRADE, { onLine: line => log.line('apt-get', line) }));
  }
}

/** Brings the tree's package lists up to date, and no package. */
export async function refreshLists(chroot: Chroot, log: BuildLog): Promise<void> {
  await explained(chroot.inside(['apt-get', 'update'], { onLine: line => log.line('apt-get', line) }));
}

async function explained(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw error instanceof ToolError ? explainApt(error) : error;
  }
}

const QUIETLY = ['-y', '--no-install-recommends'];
const UPGRADE = ['apt-get', ...QUIETLY, 'dist-upgrade'];

/** Packages' own scripts run when the login is gone: what they need is fetched before. */
async function installLocked(
  chroot: Chroot,
  locked: readonly KnownRepository[],
  wanted: readonly string[],
  log: BuildLog,
): Promise<void> {
  log.hide(locked.flatMap(({ login }) => login?.secrets() ?? []));
  const onLine = (line: string) => log.line('apt-get', line);
  const lines = locked.map(each => each.login?.aptLine(each) ?? '').join('');
  const fetch = (...words: string[]) => aptWithLogins(chroot, lines, words, { onLine });
  await fetch('update');
  const policy = await chroot.inside(['apt-cache', 'policy', '--', ...wanted]);
  const uris = locked.map(each => each.uri);
  const install = [...QUIETLY, 'install', '--', ...candidatesFrom(policy.stdout, uris)];
  await fetch('--download-only', ...QUIETLY, 'dist-upgrade');
  await fetch('--download-only', ...install);
  await chroot.inside(UPGRADE, { onLine });
  await chroot.inside(['apt-get', ...install], { onLine });
  await removeFiles(chroot, locked);
}

/** Takes away those that the image does not keep. */
export async function dropRepositories(
  chroot: Chroot,
  repositories: readonly KnownRepository[],
): Promise<void> {
  await removeFiles(
    chroot,
    repositories.filter(({ image }) => image === 'remove'),
  );
}

async function removeFiles(chroot: Chroot, repositories: readonly KnownRepository[]): Promise<void> {
  const gone = repositories.flatMap(each => Object.values(files(each)));
  if (gone.length > 0) await chroot.inside(['rm', '-f', '--', ...gone]);
}

/** The deb822 text that apt reads. */
export function sourcesText({ uri, suite, components }: Repository, key: string): string {
  const rows = [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    ...(components.length === 0 ? [] : [`Components: ${components.join(' ')}`]),
    `Signed-By: ${key}`,
  ];
  return `${rows.join('\n')}\n`;
}

export function pinText({ release }: Pick<KnownRepository, 'release'>, priority: number): string {
  return `Package: *\nPin: release ${release}\nPin-Priority: ${priority}\n`;
}
