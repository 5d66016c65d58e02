import { SERVER_INPUTS } from './cloud.ts';
import { layerSharing } from './layers.ts';
import {
  boot,
  bundle,
  dryRun,
  factory,
  images,
  installTools,
  key,
  layers,
  mirror,
  mirrorTimeout,
  only,
  output,
  work,
} from './shared.ts';
import type { Command } from './types.ts';

export const PLAN = {
  name: 'plan',
  action: 'plan',
  summary: 'turn the factory file into a CI matrix',
  story:
    'Reads the factory file, tells every mistake in it at once, and lists what would be built. Nothing is built and no root is needed; with --changed, the package mirror tells what is due.',
  inputs: [
    images,
    factory,
    {
      name: 'changed',
      kind: 'flag',
      default: 'false',
      description:
        'Leave out lines that would be built from the same packages, elements and settings as their promoted image; say what changed in the others. Asks the package mirror.',
    },
    {
      name: 'force',
      kind: 'flag',
      default: 'false',
      description: 'With changed: list lines that have not changed too.',
    },
    {
      ...output,
      description: 'With changed: directory of earlier bundles, and where relative paths of stores start.',
    },
    mirror,
    {
      name: 'explain',
      kind: 'text',
      only: 'command-line',
      description: 'Print every resolved value of this image line with the line of the file it came from.',
    },
    {
      name: 'json',
      kind: 'flag',
      default: 'false',
      only: 'command-line',
      description: 'Print the matrices as JSON.',
    },
  ],
  outputs: [
    { name: 'matrix', description: 'JSON for `strategy.matrix`: the first 256 legs.' },
    { name: 'matrices', description: 'JSON list of all matrices, 256 legs at most in each.' },
    { name: 'count', description: 'Number of legs in all matrices.' },
    { name: 'due', description: 'With changed, JSON list: why each line is due or not, and what changed.' },
  ],
  examples: ['plan', 'plan --changed', 'plan debian-12 --json', 'plan --explain debian-12'],
} as const satisfies Command;

export const BUILD = {
  name: 'build',
  action: 'build-image',
  post: true,
  summary: 'build one image into a bundle',
  story:
    'Installs the distribution into a root tree, runs the elements in the sandbox, writes the disk and its forms, and leaves a bundle. Needs root or password-less sudo, and holds no key.',
  inputs: [
    {
      name: 'image',
      kind: 'text',
      argument: true,
      description: 'Name of the image line. Default: the only one of the factory file.',
    },
    factory,
    output,
    mirror,
    mirrorTimeout,
    {
      name: 'force',
      kind: 'flag',
      default: 'false',
      description:
        'Build even what was promoted or built from the same before, and without layers of earlier builds unless cold is false.',
    },
    {
      name: 'version',
      kind: 'text',
      description:
        "Version of the build, YYYYMMDD.N; it is built whether anything has changed or not. Default: today's next.",
    },
    work,
    {
      name: 'cache',
      kind: 'flag',
      default: 'false',
      only: 'action',
      description: 'Keep downloaded packages in the cache of GitHub Actions between runs.',
    },
    ...layerSharing,
    ...layers,
    installTools,
  ],
  outputs: [
    {
      name: 'outcome',
      description:
        'built, kept (an earlier build of the same that is not promoted yet: go on with it) or skipped (nothing to do).',
    },
    { name: 'reason', description: 'Why, in one line.' },
    {
      name: 'bundle',
      description: 'Absolute path of the bundle; of what was skipped only where it lies here.',
    },
    { name: 'image', description: 'Name of the image line.' },
    { name: 'version', description: 'Version that was built, or stands.' },
    { name: 'disk-digest', description: 'SHA-256 of the disk a guest sees, the same for every form.' },
    { name: 'files', description: 'JSON object: absolute path of the image file by form.' },
    {
      name: 'layers',
      description:
        'With share-layers: absolute path of the folder with the layers of this build, for sign-layers; empty for none.',
    },
  ],
  examples: [
    'build',
    'build debian-12 --output out',
    'build debian-12 --mirror http://mirror.example/debian',
  ],
} as const satisfies Command;

export const VERIFY = {
  name: 'verify',
  action: 'boot-and-verify',
  post: true,
  summary: 'boot a bundle in a virtual machine, or in a cloud, and run the acceptance tests',
  story:
    'Computes the digests of the bytes it boots, starts a throwaway overlay in qemu or a server in a cloud, runs every required check, and signs the verdict after the last one. The image itself is not changed.',
  inputs: [bundle, factory, only, ...boot, ...SERVER_INPUTS, ...key, installTools],
  outputs: [
    { name: 'passed', description: '`true` when every required check passed.' },
    {
      name: 'statement',
      description: 'Absolute path of the folder with the signed verdict and its reports.',
    },
    { name: 'disk-digest', description: 'SHA-256 of the disk that was verified.' },
  ],
  examples: [
    'verify out/debian-12/20261121.1-amd64',
    'verify BUNDLE --firmware uefi --accel tcg',
    'verify BUNDLE --machine nova --cloud staging --flavor m1.small',
  ],
} as const satisfies Command;

export const SIGN = {
  name: 'sign',
  action: 'sign-and-hash',
  summary: 'sign and hash the files of a bundle',
  story:
    'Writes SHA256SUMS, SHA512SUMS and a hashdeep audit file, and a detached OpenPGP signature beside every file a customer downloads. Files are opaque bytes here: nothing in them is run or read.',
  inputs: [bundle, factory, ...key, installTools],
  outputs: [
    { name: 'fingerprint', description: 'Fingerprint of the key that signed.' },
    { name: 'core-digest', description: 'SHA-256 of the sealed core, which statements name.' },
    { name: 'local-test-key', description: '`true` when only the local test key signed.' },
  ],
  examples: [
    'sign out/debian-12/20261121.1-amd64',
    'sign BUNDLE --signing-key file:release.asc --passphrase env:PASSPHRASE',
  ],
} as const satisfies Command;

export const PROMOTE = {
  name: 'promote',
  action: 'promote',
  post: true,
  summary: 'promote a signed and verified bundle into a stage',
  story:
    'Checks signatures and verdicts, uploads the image private, boots and verifies the bytes in the store, publishes them, and hides the previous version. Anything unsigned, changed or unverified is refused.',
  inputs: [
    bundle,
    {
      name: 'stage',
      kind: 'text',
      required: true,
      description: 'Stage of the factory file, such as staging or production.',
    },
    factory,
    { ...output, description: 'Directory from which relative paths of stores start.' },
    dryRun,
    ...boot,
    ...key,
    installTools,
  ],
  outputs: [
    { name: 'stage', description: 'The stage.' },
    { name: 'published', description: 'JSON list of what was published: store id, image line and version.' },
    { name: 'hidden', description: 'JSON list of the earlier versions that were hidden.' },
  ],
  examples: ['promote BUNDLE --stage staging', 'promote BUNDLE --stage production --dry-run'],
} as const satisfies Command;

export const RUN = {
  name: 'run',
  summary: 'the whole chain: plan, build, verify, sign, promote',
  story:
    'Builds every image line that has changed, verifies and signs it, and promotes it through the stages in order. An interrupted run is picked up where it stopped; when nothing has changed, nothing is done.',
  inputs: [
    images,
    factory,
    output,
    mirror,
    mirrorTimeout,
    {
      name: 'force',
      kind: 'flag',
      default: 'false',
      description:
        'Build even when nothing has changed, and without layers of earlier builds unless cold is false.',
    },
    ...layers,
    dryRun,
    ...boot,
    ...key,
    { ...installTools, default: 'true' },
  ],
  outputs: [{ name: 'lines', description: 'JSON list: image, version, outcome and page of each line.' }],
  examples: ['run', 'run debian-12 --output out', 'run --force --no-install-tools'],
} as const satisfies Command;
