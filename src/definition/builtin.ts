import { builtInMap, type ListNode, type MapNode, type ScalarNode } from './node.ts';
import type { Distribution } from './types.ts';

/** The checks that an image must pass, wherever they apply, unless the factory file says otherwise. */
export const DEFAULT_CHECKS = [
  ...['images', 'filesystem', 'bootable', 'fstab', 'sealed', 'host-keys', 'logins', 'secrets', 'build-host'],
  ...['world-writable', 'set-id', 'package-files', 'package-sources', 'hardening'],
  ...['running', 'address', 'ssh', 'cloud-init', 'boot-time', 'units', 'kernel-log'],
  ...['user-data', 'vendor-data', 'host-name', 'dhcp', 'route', 'resolver', 'time', 'listening'],
  ...['root-password', 'passwords', 'password-login', 'root-login', 'accounts', 'authorized-keys'],
  ...['root-grows', 'root-filesystem', 'discard', 'console', 'login-prompt', 'hygiene'],
] as const;

/** Checks that a factory file has to ask for: they take long, or are not for every image. */
export const OPTIONAL_CHECKS = [
  ...['security-updates', 'bios', 'uefi', 'secure-boot', 'twins'],
  ...['drive-metadata', 'static-network', 'service-metadata'],
  ...['throughput', 'restart', 'customer', 'customer-uefi', 'power-off'],
] as const;

/** Checks that only a cloud can be asked, where they are always asked. */
export const CLOUD_CHECKS = ['image-record', 'metadata', 'config-drive', 'reboot', 'rebuild'] as const;

export const CHECK_NAMES = [...DEFAULT_CHECKS, ...OPTIONAL_CHECKS, ...CLOUD_CHECKS] as const;

export const ARCHITECTURES = ['amd64'] as const;

/** Kinds of change: of a package by the security suite, of any package, of the definition, its elements or the engine. */
export const REBUILD_REASONS = ['security', 'packages', 'definition'] as const;

export interface KnownDistribution {
  readonly title: string;
  /** The default user of the distribution's own cloud images. */
  readonly user: string;
  /** Releases that can be built, with the archive's name for each. */
  readonly releases: ReadonlyMap<string, { readonly codename: string }>;
}

/** A new distribution is one line here and one folder in `src/build/distributions`. */
export const KNOWN: Readonly<Record<Distribution, KnownDistribution>> = {
  debian: {
    title: 'Debian',
    user: 'debian',
    releases: new Map([
      ['12', { codename: 'bookworm' }],
      ['13', { codename: 'trixie' }],
    ]),
  },
};

export const DISTRIBUTIONS = Object.keys(KNOWN) as [Distribution, ...Distribution[]];

export function isDistribution(word: string | undefined): word is Distribution {
  return word !== undefined && Object.hasOwn(KNOWN, word);
}

/** What an image of a distribution is when nobody says anything. */
export function builtInSettings(distribution: Distribution): MapNode {
  const { title, user } = KNOWN[distribution];
  return builtInMap({
    title,
    architectures: standIn(['amd64']),
    elements: [],
    packages: [],
    documentation: 'none',
    environment: {},
    disk: {
      ...{ layout: 'gpt-hybrid', filesystem: 'ext4', partitions: {} },
      ...{ reserve: 0, journal: '64MiB', compression: 'zstd' },
    },
    forms: standIn(['qcow2', 'raw']),
    mirror: {},
    rebuild: { when: REBUILD_REASONS },
    user: { name: user, sudo: 'nopasswd', 'ssh-keys': [] },
    hardening: { except: {} },
    repositories: [],
    verify: { checks: DEFAULT_CHECKS, boot: '300s', memory: '1GiB', cpus: 2 },
    variants: [],
  });
}

export const BUILT_IN_STAGES = ['staging', 'production'] as const;

/** What a stage is when the factory file only names it, or does not. */
export function builtInStage(name: string): MapNode {
  return builtInMap({
    ...(name === 'production' ? { needs: 'staging' } : {}),
    stores: standIn([`directory:stores/${name}`]),
    checks: DEFAULT_CHECKS,
  });
}

/** What a package repository is beside what the factory file must say of it. */
export const BUILT_IN_REPOSITORY: MapNode = builtInMap({ image: 'remove' });
export const BUILT_IN_RETENTION: MapNode = builtInMap({ keep: 3 });
export const BUILT_IN_SIGNING: MapNode = builtInMap({
  verify: [],
  release: [],
  fingerprints: [],
  layers: [],
});

function standIn(words: readonly string[]): ListNode {
  const items = words.map((text): ScalarNode => ({ kind: 'scalar', value: text, text }));
  return { kind: 'list', items, standIn: true };
}
