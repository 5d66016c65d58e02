import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Session } from '../../src/openstack/session.ts';
import { type Ended, run } from '../end-to-end/program.ts';
import { ownBundle, type SharedImage, sharedImage } from '../end-to-end/shared-image.ts';
import type { TestCloud } from './cloud.ts';
import { type Holdings, holdings, seedStranger } from './holdings.ts';
import type { PEOPLE } from './identity.ts';
import { login } from './support.ts';

/** One project of a cloud with a stranger's things in it, a bundle of one's own, and a program with a state of its own. */
export interface Bed {
  readonly project: string;
  readonly folder: string;
  readonly bundle: string;
  readonly session: Session;
  readonly env: NodeJS.ProcessEnv;
  /** Words of a verification in this project. */
  verify(...words: string[]): string[];
  reap(...words: string[]): Promise<Ended>;
  holds(): Promise<Holdings>;
  /** Holds of an assertion that nothing is in the project but what was there before, and these images. */
  expectClean(...images: string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param project also the name of its entry in clouds.yaml
 * @param verification one more line of the factory file's `verify`
 */
export async function openBed(
  cloud: TestCloud,
  project: (typeof PEOPLE)[number],
  verification = '',
): Promise<Bed> {
  const folder = await mkdtemp('/tmp/image-factory-nova-');
  const shared = await sharedImage();
  const bundle = await ownBundle(shared, folder);
  const session = await login(cloud, project);
  const env = {
    ...process.env,
    XDG_STATE_HOME: join(folder, 'state'),
    OS_CLIENT_CONFIG_FILE: cloud.cloudsFile,
  };
  const factory = await patientFactory(shared, folder, verification);
  const forget = await seedStranger(session);
  const before = await holdings(session);
  return {
    ...{ project, folder, bundle, session, env },
    verify: (...words) => [
      ...['verify', bundle, '--factory', factory],
      ...['--machine', 'nova', '--cloud', project, ...words],
    ],
    reap: (...words) => run(['reap', '--cloud', project, ...words], env),
    holds: () => holdings(session),
    async expectClean(...images) {
      const expected = { ...before, images: [...(before.images ?? []), ...images].sort() };
      expect(await holdings(session)).toEqual(expected);
    },
    async close() {
      await forget();
      await session.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The factory file of the shared image, with time for guests that share two processors with a whole cloud. */
async function patientFactory({ workspace }: SharedImage, folder: string, more: string): Promise<string> {
  const own = join(folder, 'workspace');
  await cp(workspace, own, { recursive: true });
  const file = join(own, 'factory.yaml');
  await appendFile(file, `defaults:\n  verify:\n    boot: 1200s\n    ${more}\n`);
  return file;
}
