import type { Input } from './types.ts';

/* What several commands have in common. */

export const factory = {
  name: 'factory',
  kind: 'path',
  description:
    'The factory file. Default: factory.yaml in the current directory, else the example that comes with image-factory.',
} as const satisfies Input;

export const installTools = {
  name: 'install-tools',
  kind: 'flag',
  description: 'Install missing host tools, as root or with sudo; the list is printed first.',
  default: 'false',
} as const satisfies Input;

export const bundle = {
  name: 'bundle',
  kind: 'path',
  description: 'The bundle: the directory that build made.',
  required: true,
  argument: true,
} as const satisfies Input;

export const output = {
  name: 'output',
  kind: 'path',
  description:
    'Directory for bundles, stores and pages; a bundle is made at OUTPUT/IMAGE/VERSION-ARCHITECTURE.',
  default: 'image-factory-out',
} as const satisfies Input;

export const mirror = {
  name: 'mirror',
  kind: 'text',
  description: "URL of the package mirror for the build. Default: the factory file's, else the host's own.",
} as const satisfies Input;

export const mirrorTimeout = {
  name: 'mirror-timeout',
  kind: 'number',
  description:
    'Seconds that a mirror may be silent, or a download creep at less than 32 KiB/s, before it is tried again or given up.',
  default: '30',
} as const satisfies Input;

export const work = {
  name: 'work',
  kind: 'path',
  description:
    'Directory for temporary work. Default: memory when there is enough of it, else the output directory.',
} as const satisfies Input;

export const layers = [
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

export const key = [
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

export const boot = [
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

export const dryRun = {
  name: 'dry-run',
  kind: 'flag',
  default: 'false',
  description: 'Say what would be done and change nothing.',
} as const satisfies Input;

export const images = {
  name: 'images',
  kind: 'list',
  argument: true,
  description:
    'Names of image lines, separated by spaces, commas or line ends. Default: all of the factory file.',
} as const satisfies Input;

export const only = {
  name: 'only',
  kind: 'text',
  description: 'Name of the one check to run. Its verdict accepts nothing that requires more.',
} as const satisfies Input;
