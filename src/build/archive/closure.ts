import { sha256 } from './fetch.ts';
import { type BinaryPackage, meets, parseRelations, type Relation } from './packages.ts';
import { compareDebianVersions } from './version.ts';

/** Versions by package name. */
export type Pins = Readonly<Record<string, string>>;

/** What several suites offer together: of every name the newest version, as apt takes it by default. */
export class PackageIndex {
  readonly #candidates = new Map<string, BinaryPackage>();
  /** By name, the number of the suite that offers the candidate first. */
  readonly #suites = new Map<string, number>();
  /** Providers by the name they provide, each with the version it provides, if it says one. */
  #providers: Map<string, { by: string; version?: string }[]> | undefined;
  /** Of packages already looked at: for each dependency, the names that meet it, in the order of preference. */
  readonly #needs = new Map<string, readonly (readonly string[])[]>();

  readonly #pins: Pins;

  #required: readonly string[] | undefined;

  /** @param pins versions that are taken where a suite offers them, instead of newer ones */
  constructor(suites: readonly (readonly BinaryPackage[])[], pins: Pins = {}) {
    this.#pins = pins;
    for (const [number, suite] of suites.entries()) for (const each of suite) this.#offer(each, number);
  }

  #offer(offered: BinaryPackage, suite: number): void {
    const present = this.#candidates.get(offered.name);
    if (present !== undefined && !this.#isPreferred(offered, present)) return;
    this.#candidates.set(offered.name, offered);
    this.#suites.set(offered.name, suite);
  }

  #isPreferred(offered: BinaryPackage, present: BinaryPackage): boolean {
    const pin = this.#pins[offered.name];
    if (pin !== undefined && present.version === pin) return false;
    return offered.version === pin || compareDebianVersions(offered.version, present.version) > 0;
  }

  /** Which of the suites the candidate comes from. */
  suiteOf(name: string): number | undefined {
    return this.#suites.get(name);
  }

  /** The version that would be installed. */
  candidate(name: string): BinaryPackage | undefined {
    return this.#candidates.get(name);
  }

  /** Names of packages that are there whether asked for or not. */
  required(): readonly string[] {
    this.#required ??= [...this.#candidates.values()].filter(each => each.required).map(each => each.name);
    return this.#required;
  }

  /** For each dependency of a candidate, the names that meet it, in the order of preference. */
  needs(candidate: BinaryPackage): readonly (readonly string[])[] {
    let known = this.#needs.get(candidate.name);
    if (known === undefined) {
      const groups = parseRelations(candidate.depends);
      known = groups.map(group => group.flatMap(wanted => this.meeting(wanted)));
      this.#needs.set(candidate.name, known);
    }
    return known;
  }

  /** Names of the packages that meet a relation: the one of that name first, then those that provide it. */
  meeting(wanted: Relation): string[] {
    const own = this.#candidates.get(wanted.name);
    const providers = (this.#providersOf(wanted.name) ?? [])
      .filter(({ version }) =>
        wanted.operator === undefined ? true : version !== undefined && meets(version, wanted),
      )
      .map(({ by }) => by);
    return own !== undefined && meets(own.version, wanted) ? [own.name, ...providers] : providers;
  }

  #providersOf(name: string): { by: string; version?: string }[] | undefined {
    this.#providers ??= this.#collectProviders();
    return this.#providers.get(name);
  }

  #collectProviders(): Map<string, { by: string; version?: string }[]> {
    const all = new Map<string, { by: string; version?: string }[]>();
    for (const candidate of this.#candidates.values()) {
      for (const [provided] of parseRelations(candidate.provides)) {
        if (provided === undefined) continue;
        const known = all.get(provided.name) ?? [];
        known.push({ by: candidate.name, ...(provided.version ? { version: provided.version } : {}) });
        all.set(provided.name, known);
      }
    }
    for (const known of all.values()) known.sort((a, b) => (a.by < b.by ? -1 : 1));
    return all;
  }
}

export interface Closure {
  /** Versions by package name, sorted by name. */
  readonly packages: Readonly<Record<string, string>>;
  /** Names that were asked for and that no suite offers. */
  readonly unknown: readonly string[];
  /** Bytes of all files of the packages, installed. */
  readonly installed: number;
  /** Bytes of the packages themselves. */
  readonly download: number;
  /** Version and SHA-256 by package name, sorted by name. */
  readonly files: Readonly<Record<string, string>>;
  /** SHA-256 over names, versions and digests of the packages. */
  readonly digest: string;
  /** Names of the packages that come from one of the suites that were said to be for security. */
  readonly security: readonly string[];
}

/**
 * The packages that a build would install, with their versions, without apt: those that are always there, those
 * asked for, and what they depend on. Of alternatives the first that is there already or can be had, which is
 * apt's own habit; where apt chooses otherwise, this is told by a package too many or too few, never by another
 * version.
 * @param security numbers of suites
 */
export function resolveClosure(
  index: PackageIndex,
  names: readonly string[],
  security: readonly number[] = [],
): Closure {
  const chosen = new Map<string, BinaryPackage>();
  const unknown = new Set<string>();
  const waiting: BinaryPackage[] = [];
  const choose = (name: string) => {
    if (chosen.has(name)) return;
    const candidate = index.candidate(name);
    if (candidate === undefined) return;
    chosen.set(name, candidate);
    waiting.push(candidate);
  };
  for (const name of index.required()) choose(name);
  for (const name of names) {
    const [first] = index.meeting({ name });
    if (first === undefined) unknown.add(name);
    else choose(first);
  }
  for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
    for (const meeting of index.needs(each)) {
      if (meeting.some(name => chosen.has(name))) continue;
      const [first] = meeting;
      if (first !== undefined) choose(first);
    }
  }
  const sorted = [...chosen].sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = (of: (each: BinaryPackage) => number) => sorted.reduce((all, [, each]) => all + of(each), 0);
  return {
    packages: Object.fromEntries(sorted.map(([name, { version }]) => [name, version])),
    unknown: [...unknown].sort(),
    installed: sum(each => each.installed),
    download: sum(each => each.download),
    files: Object.fromEntries(sorted.map(([name, each]) => [name, `${each.version} ${each.sha256}`])),
    digest: sha256(sorted.map(([name, each]) => `${name} ${each.version} ${each.sha256}\n`).join('')),
    security: sorted.flatMap(([name]) => (security.includes(index.suiteOf(name) ?? -1) ? [name] : [])),
  };
}
