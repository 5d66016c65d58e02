import type { Manifest } from '../../src/bundle/types.ts';
import type { PageInput } from '../../src/report/page.ts';
import type { CheckResult, Report } from '../../src/verify/types.ts';

const MIB = 1024 * 1024;

export const manifest: Manifest = {
  formatVersion: 1,
  image: 'debian-12',
  version: '20261121.1',
  builtAt: '2026-11-21T04:05:06.000Z',
  epoch: 1763000000,
  line: {
    name: 'debian-12',
    title: 'Debian 12 (bookworm)',
    distribution: 'debian',
    release: '12',
    architecture: 'amd64',
    owner: 'images@example.org',
    elements: ['base', 'cloud-init', 'motd'],
    packages: [],
    environment: {},
    disk: {
      ...{ layout: 'gpt-hybrid', filesystem: 'ext4', partitions: {}, compression: 'zstd' },
      ...{ reserve: 0, journal: 64 * MIB },
    },
    forms: ['qcow2', 'raw'],
    mirror: {},
    rebuild: { when: ['security', 'packages', 'definition'] },
    user: { name: 'debian', sudo: 'nopasswd', sshKeys: [] },
    hardening: { except: {} },
    repositories: [],
    verify: { checks: ['running', 'ssh'], boot: 300_000, memory: 1024 * MIB, cpus: 2 },
  },
  inputDigest: '1'.repeat(64),
  diskDigest: 'd'.repeat(64),
  diskSize: 700 * MIB,
  files: [
    {
      path: 'debian-12-20261121.1-amd64.qcow2',
      form: 'qcow2',
      size: 205 * MIB,
      sha256: 'a'.repeat(64),
      sha512: 'b'.repeat(128),
    },
    {
      path: 'debian-12-20261121.1-amd64.raw',
      form: 'raw',
      size: 700 * MIB,
      sha256: 'd'.repeat(64),
      sha512: 'e'.repeat(128),
    },
  ],
  minimum: { disk: 1, memory: 512 },
  builder: { engine: 'image-factory 0.1.0', run: 'https://example.org/actions/runs/7', host: 'builder-3' },
  rootFilesystem: { label: 'cloudimg-rootfs', uuid: '2f7ab6a2-0d2c-4d0f-9e53-0c5f6f1c6f5e', partition: 3 },
  volumes: [
    {
      ...{ name: 'root', partition: 3, content: 'ext4', uuid: '2f7ab6a2-0d2c-4d0f-9e53-0c5f6f1c6f5e' },
      ...{ label: 'cloudimg-rootfs', mountPoint: '/' },
    },
  ],
  elements: [
    { name: 'base', digest: '2'.repeat(64) },
    { name: 'cloud-init', digest: '3'.repeat(64) },
    { name: 'motd', digest: '4'.repeat(64) },
  ],
  tools: { 'qemu-img': '10.0.2', mke2fs: '1.47.2' },
  packages: { bash: '5.2.15-2+b7', 'cloud-init': '22.4.2-1+deb12u2' },
  toolsTree: '7'.repeat(16),
  sources: [
    { suite: 'bookworm', inReleaseSha256: '5'.repeat(64) },
    { suite: 'bookworm-security', inReleaseSha256: '6'.repeat(64) },
  ],
  timings: [
    { what: 'bootstrap', seconds: 27.6 },
    { what: 'filesystem', seconds: 0.9 },
    { what: 'qcow2', seconds: 2.3 },
  ],
};

const SEEN: Readonly<Record<string, string>> = {
  running: 'its monitor says running',
  address: '127.0.0.1:40221 answers SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7',
  ssh: 'debian logged in with the key of this run; sudo asks no password',
  'user-data': '/run/image-factory-user-data holds the nonce 0f3a91c2d4e5b6a7',
  resolver: '3 queries for probe-0f3a91.example went to 10.111.0.3, none elsewhere',
  'root-password': 'root:! (locked)',
  'root-grows': 'the root filesystem has 4.8 GiB of a 5.0 GiB disk',
  console: '412 lines, a login prompt at the end',
};

export const protects: Readonly<Record<string, string>> = {
  running: 'A machine that the hypervisor paused or lost serves nobody.',
  address: 'Without an address from outside nobody reaches the machine.',
  ssh: 'A customer who cannot log in has no machine.',
  'user-data': 'Automation that is handed in must be carried out.',
  resolver: 'A built-in resolver leaks names and fails in closed networks.',
  'root-password': 'An empty or known password of root opens every machine made from the image.',
  'root-grows': 'A customer pays for the whole disk.',
  console: 'Without a console log nobody can tell why a boot failed.',
};

export function report(change: Partial<Report> = {}): Report {
  const checks = Object.entries(SEEN).map(
    ([name, detail], index): CheckResult => ({ name, outcome: 'passed', seconds: 0.2 + index, detail }),
  );
  return {
    formatVersion: 1,
    image: 'debian-12',
    version: '20261121.1',
    place: 'qemu',
    run: '20261121T040700Z-0f3a91c2',
    job: 'https://example.org/actions/runs/7/attempts/1',
    machine: { kind: 'qemu', accelerator: 'tcg', firmware: 'uefi-secure' },
    coreDigest: 'c'.repeat(64),
    diskDigest: 'd'.repeat(64),
    bootedFile: { path: 'debian-12-20261121.1-amd64.qcow2', sha256: 'a'.repeat(64), sha512: 'b'.repeat(128) },
    startedAt: '2026-11-21T04:07:00.000Z',
    finishedAt: '2026-11-21T04:08:30.000Z',
    bootSeconds: 62.4,
    sharedSeconds: 9.5,
    required: Object.keys(SEEN),
    checks,
    passed: true,
    ...change,
  };
}

export function pageInput(change: Partial<PageInput> = {}): PageInput {
  const [file] = manifest.files;
  if (file === undefined) throw new TypeError('the manifest has files');
  const stored = {
    id: 'debian-12-20261121.1-qcow2',
    line: 'debian-12',
    version: '20261121.1',
    visibility: 'public' as const,
    hidden: false,
    file,
    createdAt: '2026-11-21T04:10:00.000Z',
    properties: {},
  };
  return {
    manifest,
    packages: 231,
    reports: [report(), report({ place: 'directory:stores/staging', job: 'host:4711' })],
    protects,
    signed: {
      fingerprint: '0123456789ABCDEF0123456789ABCDEF01234567',
      localTestKey: true,
      coreDigest: 'c'.repeat(64),
      signatures: ['core/SHA256SUMS.asc', 'core/SHA512SUMS.asc'],
    },
    promotions: [
      { stage: 'staging', store: 'directory:stores/staging', image: stored },
      { stage: 'production', store: 'directory:stores/production', image: stored, previous: '20261120.1' },
    ],
    consoles: [{ place: 'qemu', text: `${'[    0.000000] Linux version 6.1.0\n'.repeat(40)}debian login: ` }],
    core: 'core/',
    ...change,
  };
}
