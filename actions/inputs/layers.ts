import { factory, key } from './shared.ts';
import type { Command, Input } from './types.ts';

/** How a build shares its layers with those on other hosts. */
export const layerSharing = [
  {
    name: 'share-layers',
    kind: 'flag',
    default: 'false',
    only: 'action',
    description:
      'With cold false: share layers among runners by the cache of GitHub Actions. Who can write there can change what is built, so a job of a protected branch or a tag takes only those that sign-layers has signed with a key of signing.layers, and none where the factory file names no such key. A layer with secrets in it stays on its host.',
  },
  {
    name: 'signed-layers',
    kind: 'path',
    only: 'command-line',
    description:
      "With cold false: folder of layers. Those that sign-layers has signed there are taken over, and all of them go; in the end it holds this build's own, to be signed. For a cache that the CI system keeps, as GitLab's.",
  },
] as const satisfies readonly Input[];

export const SIGN_LAYERS = {
  name: 'sign-layers',
  action: 'sign-layers',
  post: true,
  summary: 'sign the layers of a build, for later builds of releases',
  story:
    'Checks that every layer in a folder is whole and writes layers.json, a list of them by their digests, with a detached OpenPGP signature. For a job of a protected branch on a host where no element runs. A folder that is empty, or not there, is left so.',
  inputs: [
    {
      name: 'folder',
      kind: 'path',
      argument: true,
      required: true,
      description: 'The folder of layers that build left.',
    },
    factory,
    {
      name: 'image',
      kind: 'text',
      only: 'action',
      description:
        'Name of the image line whose builds are to find the layers in the cache of GitHub Actions. Default: they are saved nowhere.',
    },
    {
      ...key[0],
      description:
        "OpenPGP private key of signing.layers: env:NAME or file:PATH; in an action also the armored key itself. Default: the factory file's signing.key.",
    },
    key[1],
  ],
  outputs: [
    { name: 'count', description: 'How many layers were signed.' },
    {
      name: 'fingerprint',
      description: 'Fingerprint of the key that signed; empty when there was nothing to sign.',
    },
  ],
  examples: ['sign-layers layers --signing-key file:layers.asc'],
} as const satisfies Command;
