import type { ImageLine } from '../definition/types.ts';
import type { Chroot } from './chroot.ts';
import type { Element } from './elements.ts';
import { byNumber, type Hooks } from './hooks.ts';
import { type PackageRequest, packageInstalls } from './package-installs.ts';

interface Request {
  readonly line: ImageLine;
  readonly suite: string;
  readonly elements: readonly Element[];
}

/** Conditions in package-installs.yaml may name what elements' environment.d sets. */
export async function requestedPackages(
  chroot: Pick<Chroot, 'outside'>,
  { line, suite, elements }: Request,
  given: Readonly<Record<string, string>>,
): Promise<PackageRequest[]> {
  const told = await chroot.outside(['env', '-0'], { env: given, environment: true });
  const entries = told.stdout
    .split('\0')
    .map(row => [row.slice(0, row.indexOf('=')), row.slice(row.indexOf('=') + 1)]);
  const environment: Record<string, string> = Object.fromEntries(entries);
  const { architecture, distribution } = line;
  const conditions = { architecture, distribution, release: suite, environment };
  return (await Promise.all(elements.map(each => packageInstalls(each, conditions)))).flat();
}

/** The packages of a build, and of the definition itself. */
interface Asked {
  readonly packages: readonly PackageRequest[];
  readonly extra: readonly string[];
}

/**
 * Packages of the install phase come with the bootstrap, in one transaction, when no script of an element
 * runs before them and all come from the distribution; that saves a second round of apt, dpkg and triggers.
 */
export function splitPackages(
  hooks: Hooks,
  { packages, extra }: Asked,
  moreSources: boolean,
): Asked & { readonly first: readonly string[] } {
  const scripts = [...hooks.owners.keys()].map(key => key.split('/'));
  const early =
    moreSources ||
    scripts.some(
      ([phase, name = '']) =>
        phase === 'extra-data.d' ||
        phase === 'pre-install.d' ||
        (phase === 'install.d' && byNumber(name, '01-package-installs') < 0),
    );
  const first = (each: PackageRequest) => !early && each.phase !== 'post-install.d' && !each.uninstall;
  // Without these the tree has no shell environment for the scripts that come first.
  const always = early ? ['ca-certificates'] : extra;
  return {
    first: [...new Set([...always, ...packages.filter(first).map(each => each.name)])].sort(),
    packages: packages.filter(each => !first(each)),
    extra: early ? extra : [],
  };
}
