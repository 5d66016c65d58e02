import { readFile, rm } from 'node:fs/promises';
import type { Context } from '../../src/host/context.ts';
import { bringUpCompute } from './compute-tier.ts';
import { daemons, members, stopDaemons } from './daemons.ts';
import {
  cloudsYaml,
  identityEndpoints,
  imageEndpoints,
  PEOPLE,
  populate,
  SERVICE_USERS,
} from './identity.ts';
import { nodeProcesses, startNode, stopNode } from './node.ts';
import { installPackages, PACKAGES } from './packages.ts';
import { Place } from './place.ts';
import { glanceOf, prepareGlances, REGIONS, type Region, startGlance } from './services/glance.ts';
import { IMPATIENT_KEYSTONE, KEYSTONE, prepareKeystone, startKeystone } from './services/keystone.ts';
import { startDatabase, stopDatabase } from './services/mariadb.ts';

/** A cloud that runs. */
export interface TestCloud {
  readonly place: Place;
  /** Path of a clouds.yaml with `admin`, each of PEOPLE, and all of them with `-REGION` appended. */
  readonly cloudsFile: string;
}

export interface CloudOptions {
  /** 1: Keystone and Glance. 2: Placement, Nova and Neutron too, in the first region; needs root. */
  readonly tier?: 1 | 2;
  /** The first one is where the plain names in clouds.yaml point. */
  readonly regions?: readonly Region[];
}

/**
 * Brings up Keystone and one Glance for each region (tier 1), and a whole cloud around them (tier 2); waits until all
 * answer. Harmless to repeat: what runs is left alone, what is there is not made again.
 * @param directory absolute; holds everything the cloud writes
 */
export async function bringUp(
  context: Context,
  directory: string,
  { regions = REGIONS, tier = 1 }: CloudOptions = {},
): Promise<TestCloud> {
  await installPackages(context, tier === 1 ? PACKAGES[1] : [...PACKAGES[1], ...PACKAGES[2]]);
  const place = await Place.open(directory);
  const [first] = regions;
  if (first === undefined) throw new TypeError('a cloud has one region at the least');
  if (tier === 2) await startNode(place);
  await place.choosePorts([KEYSTONE.name, IMPATIENT_KEYSTONE.name, ...regions.map(glanceOf)]);
  await place.chooseSecrets(['database', 'admin', ...PEOPLE, ...SERVICE_USERS[1]]);
  const cloudsFile = await place.write('clouds.yaml', cloudsYaml(place, regions));
  await startDatabase(place);
  // The services' schemas take most of the time, and one processor each.
  const keystone = prepareKeystone(place, first.name).then(() => startKeystone(place));
  await Promise.all([keystone, prepareGlances(place, regions)]);
  await place.once('identity', () => publishAll(place, regions));
  await Promise.all(regions.map(region => startGlance(place, region)));
  if (tier === 2) await bringUpCompute(place, first.name);
  return { place, cloudsFile };
}

async function publishAll(place: Place, regions: readonly Region[]): Promise<void> {
  const endpoints = [...identityEndpoints(place, regions), ...imageEndpoints(place, regions)];
  await populate(place, SERVICE_USERS[1], endpoints);
}

/** Ends every service that was started from this directory, the database last; the data stays. */
export async function takeDown(directory: string): Promise<void> {
  const place = await Place.open(directory);
  await stopNode(place);
  const services = (await daemons(place)).map(({ name }) => name).filter(name => name !== 'mariadb');
  await stopDaemons(place, services, 10);
  await stopDatabase(place);
}

/** Takes it down and forgets everything. */
export async function wipe(directory: string): Promise<void> {
  await takeDown(directory);
  await rm(directory, { recursive: true, force: true });
}

/** MiB of memory that the cloud's services take, pages they share counted once. */
export async function memory(place: Place): Promise<number> {
  let total = 0;
  const sessions = (await daemons(place)).flatMap(({ pid }) => pid ?? []);
  for (const pid of new Set([...(await members(sessions)), ...(await nodeProcesses(place))])) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    total += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return Math.round(total / 1024);
}
