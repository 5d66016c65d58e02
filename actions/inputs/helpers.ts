import { CLOUD_INPUTS } from './cloud.ts';
import { bundle, dryRun, factory, installTools, mirror, mirrorTimeout, output, work } from './shared.ts';
import type { Command } from './types.ts';

export const CHECK = {
  name: 'check',
  summary: 'check signatures, digests and verdicts of a bundle',
  story: 'Reads the whole bundle and says who signed what and which verdicts stand. Nothing is changed.',
  inputs: [bundle, factory, installTools],
  outputs: [
    { name: 'core-digest', description: 'SHA-256 of the sealed core.' },
    { name: 'signed-by', description: 'Fingerprint of the key that sealed the core.' },
  ],
  examples: ['check out/debian-12/20261121.1-amd64'],
} as const satisfies Command;

export const DEPLOY = {
  name: 'deploy',
  summary: 'write the disk of a signed bundle to a device or a file',
  story:
    'Checks signatures and digests, looks whether the target is free and large enough, and writes the disk, sparse, while its digest runs along. What is refused, killed or fails leaves no disk that boots and no file of that name.',
  inputs: [
    bundle,
    {
      name: 'to',
      kind: 'path',
      required: true,
      description: 'The target: a block device that nothing uses, or a file that is not there yet.',
    },
    factory,
    dryRun,
    installTools,
  ],
  outputs: [
    { name: 'target', description: 'Absolute path of the device or file.' },
    { name: 'disk-digest', description: 'SHA-256 of the disk that was written.' },
  ],
  examples: ['deploy BUNDLE --to /dev/sdb --dry-run', 'deploy BUNDLE --to disk.raw'],
} as const satisfies Command;

export const DIFF = {
  name: 'diff',
  summary: 'say what differs between two bundles',
  story:
    'Compares packages (with their changelogs and the CVEs named there), files, sizes and boot times of two builds, the older first. Nothing is changed, and no signature is judged.',
  inputs: [
    {
      name: 'before',
      kind: 'path',
      argument: true,
      required: true,
      description: 'The older bundle.',
    },
    { name: 'now', kind: 'path', argument: true, required: true, description: 'The newer bundle.' },
    {
      name: 'format',
      kind: 'choice',
      choices: ['text', 'json', 'markdown'],
      default: 'text',
      description: 'What is printed; markdown suits release notes.',
    },
    installTools,
  ],
  outputs: [],
  examples: ['diff OLD NEW', 'diff OLD NEW --format markdown'],
} as const satisfies Command;

export const REPRODUCE = {
  name: 'reproduce',
  action: 'reproduce',
  post: true,
  summary: 'build a bundle once more and compare the bytes',
  story:
    'Builds the image again from what the manifest of a bundle says went into it, and says whether every byte is the same, or which files differ. Needs what a build needs; the mirror must still have the same versions of packages.',
  inputs: [
    bundle,
    { ...factory, description: `${factory.description} Elements and keys are found by it.` },
    {
      ...output,
      default: 'image-factory-reproduced',
      description: 'Directory for the verdict, and for the second bundle if it differs.',
    },
    mirror,
    mirrorTimeout,
    work,
    installTools,
  ],
  outputs: [
    { name: 'identical', description: '`true` when every byte of every form is the same.' },
    { name: 'report', description: 'Absolute path of the verdict as JSON.' },
    { name: 'rebuilt', description: 'Absolute path of the second bundle; empty when it is the same.' },
  ],
  examples: ['reproduce BUNDLE', 'reproduce BUNDLE --mirror http://snapshot.example/debian/20261121T000000Z'],
} as const satisfies Command;

export const REAP = {
  name: 'reap',
  summary: 'find and remove what killed verifications left in a cloud',
  story:
    'Lists the servers, floating IPs, ports, security groups, keys and images in a project that bear the name of a run of ours, and with --no-dry-run removes those of runs that died on this host or are older than asked.',
  inputs: [
    ...CLOUD_INPUTS,
    {
      name: 'older-than',
      kind: 'number',
      default: '24',
      description: 'Hours since its start after which a run counts as dead.',
    },
    { ...dryRun, default: 'true' },
  ],
  outputs: [{ name: 'count', description: 'How many things were removed, or would be.' }],
  examples: ['reap --cloud staging', 'reap --cloud staging --older-than 4 --no-dry-run'],
} as const satisfies Command;

export const IMPORT = {
  name: 'import',
  summary: 'make a factory file from what built images so far',
  story:
    'Reads a disk-image-create command line with its environment and prints a factory file that builds the same image. What is not carried over stands in it, each with a reason.',
  inputs: [
    {
      name: 'from',
      kind: 'choice',
      choices: ['dib'],
      argument: true,
      required: true,
      description: 'What it comes from: dib is diskimage-builder.',
    },
    {
      name: 'command',
      kind: 'words',
      argument: true,
      description: 'The command line, after --.',
    },
    {
      name: 'env-file',
      kind: 'path',
      description:
        'File of NAME=value lines, the environment of the command. Every variable in it counts. Default: DIB_* and the like of this one.',
    },
  ],
  outputs: [],
  examples: [
    'import dib -- disk-image-create -o debian vm debian-minimal cloud-init > factory.yaml',
    'import dib --env-file nightly.env -- disk-image-create -p tmux -t qcow2,raw vm debian-minimal',
  ],
} as const satisfies Command;
