import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createContext } from '../../src/host/context.ts';
import { lockDirectory } from '../../src/host/directory-lock.ts';
import { places } from '../../src/host/places.ts';
import { run } from '../../src/host/process.ts';
import { type Ended, NODES, Step } from '../actions/support.ts';
import { writeTree } from '../build/support.ts';

/** The variable with the folder that all tests of one run share; a folder that is given is kept, and used again. */
export const SHARED = 'IMAGE_FACTORY_TEST_SHARED';

/** Node 24, which runs the actions on GitHub's runner. */
export const NODE_24 = NODES[1] ?? '';

/** What an element and a guest say to a runner that might listen. */
export const FORGED = [
  ...['::error::FORGED', '  ::set-output name=bundle::FORGED', '##[error]FORGED', 'x ##[add-path]FORGED'],
  ...['::add-mask::debian', '::endgroup::', '::stop-commands::FORGED', '\u001b[2J::warning::FORGED', '::x::'],
];

const PRINT = `cat << 'END'\n${FORGED.join('\n')}\nEND\n`;

/** A repository as a user has it: the line debian-12 with an element that is not to be trusted. */
const REPOSITORY = {
  'factory.yaml': 'images:\n  debian:\n    releases: [12]\n    elements: [forger]\n',
  'elements/forger/install.d/50-forge': [`#!/bin/sh\n(${PRINT}) >&2\n${PRINT}`, 0o755],
  'elements/forger/install.d/51-enable': ['#!/bin/sh\nsystemctl enable forger.service\n', 0o755],
  'elements/forger/static/usr/local/sbin/forge': [`#!/bin/sh\n${PRINT}`, 0o755],
  'elements/forger/static/etc/systemd/system/forger.service': `[Service]
Type=oneshot
ExecStart=/bin/sh -c '/usr/local/sbin/forge > /dev/ttyS0'
[Install]
WantedBy=multi-user.target
`,
} as const;

export interface SharedImage {
  /** The user's repository, with factory.yaml in it. */
  readonly workspace: string;
  /** As the build made it, unsigned; nobody writes here. */
  readonly bundle: string;
  /** How the step of the action went that built it. */
  readonly step: Ended & { readonly outputs: Readonly<Record<string, string>>; readonly summary: string };
}

/** The one image of a test run, built by the action when first asked for; who asks meanwhile waits. */
export async function sharedImage(): Promise<SharedImage> {
  const folder = process.env[SHARED];
  if (folder === undefined) throw new Error(`${SHARED} is not set: test/setup.ts has not run`);
  const record = join(folder, 'image.json');
  await makeOnce(record, async part => writeFile(part, JSON.stringify(await build(folder))));
  return JSON.parse(await readFile(record, 'utf8')) as SharedImage;
}

/**
 * What several tests of one run need, made by the first that asks; who asks meanwhile waits.
 * @param path there when it is whole; its folder is locked meanwhile
 * @param make writes it to another path
 */
export async function makeOnce(path: string, make: (part: string) => Promise<unknown>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const lock = await lockDirectory(dirname(path), true);
  try {
    if (existsSync(path)) return;
    await make(`${path}.part`);
    await rename(`${path}.part`, path);
  } finally {
    if (typeof lock !== 'string') await lock.release();
  }
}

/** What all steps of a job on this host have in common. @param state folder of the local key */
export function jobEnvironment(state: string): Record<string, string> {
  return {
    XDG_CACHE_HOME: dirname(places(createContext({ env: process.env })).cache),
    XDG_STATE_HOME: state,
  };
}

/** The user's caches with layers of this test run alone: what XDG_CACHE_HOME says. */
export async function layerCache(folder: string): Promise<string> {
  const [own, { cache }] = [join(folder, 'cache'), places(createContext({ env: process.env }))];
  await mkdir(join(own, 'image-factory'), { recursive: true });
  for (const name of ['downloads', 'package-lists', 'tools']) {
    await mkdir(join(cache, name), { recursive: true });
    const link = join(own, 'image-factory', name);
    if (!existsSync(link)) await symlink(join(cache, name), link);
  }
  return own;
}

/** A bundle of one's own to sign and verify; its files are the shared ones. @returns its path */
export async function ownBundle({ bundle }: SharedImage, output: string): Promise<string> {
  const own = join(output, bundle.split('/').slice(-2).join('/'));
  await mkdir(dirname(own), { recursive: true });
  await run(['cp', '-a', '--link', '--', bundle, own]);
  return own;
}

async function build(folder: string): Promise<SharedImage> {
  const workspace = join(folder, 'workspace');
  await writeTree(workspace, REPOSITORY);
  const env = { ...jobEnvironment(join(folder, 'state')), XDG_CACHE_HOME: await layerCache(folder) };
  const step = new Step({ workspace, env });
  try {
    const inputs = { output: join(folder, 'out'), cold: 'false' };
    const ended = await step.start(NODE_24, 'build-image', inputs).ended;
    if (ended.status !== 0)
      throw new Error(`the shared image was not built:\n${ended.stdout}${ended.stderr}`);
    const outputs = step.read('output');
    const bundle = outputs.bundle ?? '';
    return { workspace, bundle, step: { ...ended, outputs, summary: step.summary } };
  } finally {
    step.remove();
  }
}
