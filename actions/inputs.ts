import { CLOUD_INPUTS, SERVER_INPUTS } from './cloud-inputs.ts';

/**
 * The one table of inputs. The command line's options, what an action reads from `INPUT_*`, action.yml, the
 * README's tables and the types of the values all come from here.
 */
export interface Input {
  /** kebab-case, the same in an action and on the command line. */
  readonly name: string;
  readonly kind: 'text' | 'number' | 'flag' | 'choice' | 'list' | 'path' | 'secret' | 'words';
  /** One or two sentences for `--help`, action.yml and README. */
  readonly description: string;
  readonly default?: string;
  readonly required?: true;
  readonly choices?: readonly string[];
  /** Given without `--name` on the command line; an action takes it by name as the rest. */
  readonly argument?: true;
  /** Exists in one of the two only. */
  readonly only?: 'action' | 'command-line';
}

export interface Output {
  readonly name: string;
  readonly description: string;
}

/** One command: a word of the command line and, for most, an action. */
export interface Command {
  readonly name: string;
  /** Folder of the action. */
  readonly action?: string;
  /** The action has a post step, which removes what a killed main left. */
  readonly post?: true;
  /** A few words for the list of commands. */
  readonly summary: string;
  /** What happens, in the order in which it happens. */
  readonly story: string;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly examples: readonly string[];
}

const factory = {
  name: 'factory',
  kind: 'path',
  description:
    'The factory file. Default: factory.yaml in the current directory, else the example that comes with image-factory.',
} as const satisfies Input;

const installTools = {
  name: 'install-tools',
  kind: 'flag',
  description: 'Install missing host tools, as root or with sudo; the list is printed first.',
  default: 'false',
} as const satisfies Input;

const bundle = {
  name: 'bundle',
  kind: 'path',
  description: 'The bundle: the directory that build made.',
  required: true,
  argument: true,
} as const satisfies Input;

const output = {
  name: 'output',
  kind: 'path',
  description:
    'Directory for bundles, stores and pages; a bundle is made at OUTPUT/IMAGE/VERSION-ARCHITECTURE.',
  default: 'image-factory-out',
} as const satisfies Input;

const mirror = {
  name: 'mirror',
  kind: 'text',
  description: "URL of the package mirror for the build. Default: the factory file's, else the host's own.",
} as const satisfies Input;

const mirrorTimeout = {
  name: 'mirror-timeout',
  kind: 'number',
  description:
    'Seconds that a mirror may be silent, or a download creep at less than 32 KiB/s, before it is tried again or given up.',
  default: '30',
} as const satisfies Input;

const work = {
  name: 'work',
  kind: 'path',
  description:
    'Directory for temporary work. Default: memory when there is enough of it, else the output directory.',
} as const satisfies Input;

const layers = [
  {
    name: 'cold',
    kind: 'choice',
    choices: ['auto', 'true', 'false'],
    default: 'auto',
    description:
      'Use no layers of earlier builds, and leave none. With auto this is so in CI: on a runner that keeps its disk, whoever runs jobs as the same user could change what is built.',
  },
  {
    name: 'layers',
    kind: 'number',
    description: 'Size limit of the layers that builds of this user start from and leave, in GiB.',
    default: '10',
  },
  {
    name: 'layer-age',
    kind: 'number',
    description:
      'Hours for which a layer is used that depends on more than what is known of it, such as what a script fetched from the network.',
    default: '24',
  },
] as const satisfies readonly Input[];

const key = [
  {
    name: 'signing-key',
    kind: 'secret',
    description:
      'OpenPGP private key: env:NAME or file:PATH; in an action also the armored key itself. Default: a local test key, which only a directory store accepts.',
  },
  {
    name: 'passphrase',
    kind: 'secret',
    description:
      'Passphrase of the signing key: env:NAME or file:PATH; in an action also the passphrase itself.',
  },
] as const satisfies readonly Input[];

const boot = [
  {
    name: 'accel',
    kind: 'choice',
    choices: ['auto', 'kvm', 'tcg'],
    default: 'auto',
    description:
      'Accelerator of the virtual machine; auto tries KVM and falls back to TCG when no guest runs under it.',
  },
  {
    name: 'firmware',
    kind: 'choice',
    choices: ['bios', 'uefi', 'uefi-secure'],
    default: 'bios',
    description: 'Firmware of the virtual machine.',
  },
] as const satisfies readonly Input[];

const dryRun = {
  name: 'dry-run',
  kind: 'flag',
  default: 'false',
  description: 'Say what would be done and change nothing.',
} as const satisfies Input;

const images = {
  name: 'images',
  kind: 'list',
  argument: true,
  description:
    'Names of image lines, separated by spaces, commas or line ends. Default: all of the factory file.',
} as const satisfies Input;

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
    {
      name: 'share-layers',
      kind: 'flag',
      default: 'false',
      only: 'action',
      description:
        'With cold false: share layers among runners by the cache of GitHub Actions, for builds that only try something. Who can write there can change what is built, so a job of a protected branch or a tag takes none, and only leaves its own. A layer with secrets in it stays on its host.',
    },
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
  ],
  examples: [
    'build',
    'build debian-12 --output out',
    'build debian-12 --mirror http://mirror.example/debian',
  ],
} as const satisfies Command;

const only = {
  name: 'only',
  kind: 'text',
  description: 'Name of the one check to run. Its verdict accepts nothing that requires more.',
} as const satisfies Input;

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

/** In the order in which the chain takes them, then the helpers. */
export const COMMANDS: readonly Command[] = [
  PLAN,
  BUILD,
  VERIFY,
  SIGN,
  PROMOTE,
  CHECK,
  DEPLOY,
  DIFF,
  REPRODUCE,
  RUN,
  REAP,
  IMPORT,
];

/** The inputs of an action, or of a command of the command line. */
export function inputsFor(command: Command, place: 'action' | 'command-line'): readonly Input[] {
  return command.inputs.filter(input => input.only === undefined || input.only === place);
}

export function commandOfAction(action: string): Command | undefined {
  return COMMANDS.find(command => command.action === action);
}
