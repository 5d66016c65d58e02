import type { Input } from './types.ts';

/** Which cloud. */
export const CLOUD_INPUTS = [
  {
    name: 'cloud',
    kind: 'text',
    description:
      'Entry of clouds.yaml. Default: OS_CLOUD, else the cloud that the OS_* variables describe, else the only entry.',
  },
  { name: 'region', kind: 'text', description: "Region of the cloud. Default: the configuration's." },
] as const satisfies readonly Input[];

/** Where in it a server is started. */
export const SERVER_INPUTS = [
  {
    name: 'machine',
    kind: 'choice',
    choices: ['qemu', 'nova'],
    default: 'qemu',
    description: 'What boots the image: a virtual machine on this host, or a server in an OpenStack cloud.',
  },
  ...CLOUD_INPUTS,
  {
    name: 'cloud-image',
    kind: 'text',
    description:
      'With nova: id of an image that is in the cloud already; it must hold the same bytes. Default: the image is uploaded as a private one and deleted afterwards.',
  },
  {
    name: 'flavor',
    kind: 'text',
    description: 'With nova: flavor by name or id. Default: the smallest with a disk larger than the image.',
  },
  {
    name: 'network',
    kind: 'text',
    description: "With nova: network by name or id. Default: the project's only one.",
  },
  {
    name: 'floating-network',
    kind: 'text',
    description:
      "With nova: the external network that gives a floating IP, or none to reach the server's own address. Default: where the network's router leads.",
  },
  { name: 'zone', kind: 'text', description: "With nova: availability zone. Default: the cloud's choice." },
  {
    name: 'keep',
    kind: 'number',
    description:
      'Hours for which the guest is left to look at. With qemu the command waits for so long, or until it is interrupted, and says how to log in; with nova `reap` removes the server then. Default: it is gone at once.',
  },
] as const satisfies readonly Input[];
