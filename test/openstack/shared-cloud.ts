import { spawn } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { plainEnvironment, run } from '../../src/host/process.ts';
import { type TestCloud, wipe } from './cloud.ts';
import { Place } from './place.ts';

/** The variable with the folder of the whole cloud that all tests of one run share; one that is given is kept. */
export const SHARED_CLOUD = 'IMAGE_FACTORY_TEST_CLOUD';

const PROGRAM = join(import.meta.dirname, 'cloud');

function folder(): string {
  const directory = process.env[SHARED_CLOUD];
  if (directory === undefined) throw new Error(`${SHARED_CLOUD} is not set: its setup has not run`);
  return directory;
}

/** One brings it up at a time; who comes later finds it. The lock is not inherited by the services. */
function bringingUp(directory: string): string[] {
  return ['flock', '--close', `${directory}.lock`, PROGRAM, 'whole', directory];
}

/** Begins to bring it up while other tests have the machine's better half. */
export async function beginSharedCloud(): Promise<void> {
  const [program = '', ...words] = ['nice', ...bringingUp(folder())];
  const log = await open(`${folder()}.log`, 'a', 0o600);
  spawn(program, words, { detached: true, stdio: ['ignore', log.fd, log.fd] }).unref();
  await log.close();
}

/** The one whole cloud of a test run, up: with its three regions, and Nova and Neutron in the first. */
export async function sharedCloud(): Promise<TestCloud> {
  await run(bringingUp(folder()), { env: plainEnvironment() });
  const place = await Place.open(folder());
  return { place, cloudsFile: place.path('clouds.yaml') };
}

/** Ends it, also one that is on its way up, and forgets it. */
export async function endSharedCloud(): Promise<void> {
  await run(['flock', '--close', `${folder()}.lock`, 'true']);
  await wipe(folder());
  for (const each of ['lock', 'log']) await rm(`${folder()}.${each}`, { force: true });
}
