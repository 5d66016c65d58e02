import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { CancelledError, CheckError, DefinitionError } from '../../host/errors.ts';
import { waitForServer } from '../../openstack/compute/servers.ts';
import type { Port } from '../../openstack/network/network.ts';
import { openRunJournal, type RunJournal } from '../../openstack/runs/journal.ts';
import type { Services } from '../../openstack/runs/kinds.ts';
import { servicesOf } from '../../openstack/runs/leftovers.ts';
import { forgetDeadRuns, removeRun } from '../../openstack/runs/remove.ts';
import { KEEP_UNTIL, newRun, type Run } from '../../openstack/runs/run.ts';
import { makeKeyPair } from '../ssh.ts';
import type { MachineRequest } from '../types.ts';
import { type Chosen, choosePlace } from './choose.ts';
import { startOnConfigDrive } from './config-drive.ts';
import { provideImage } from './image.ts';
import { NovaMachine } from './machine.ts';
import { Maker } from './make.ts';
import type { CloudPlacement } from './types.ts';

const HOUR = 3_600_000;
const SSH_PORT = 22;
/** Milliseconds in which a server is to be ACTIVE: a host that never had the image fetches it first. */
const ACTIVE = 900_000;
/** Milliseconds a guest may take to come up a second time, or beside another one. */
const BUDGET = 600_000;

/**
 * Boots an image in an OpenStack cloud; the server is ACTIVE when this returns, and no more. Everything that it
 * makes bears the run's name, and is gone when the machine is closed, or could not be made.
 * @throws CloudError when the cloud refuses or its server fails, which says nothing of the image; DefinitionError for
 *   a flavor or network that is not there, TrustError for an image of other bytes, CancelledError
 */
export async function bootNova(request: MachineRequest): Promise<NovaMachine> {
  const { context, cloud, state } = request;
  if (cloud === undefined) throw new DefinitionError('no cloud was named to boot the image in');
  const services = await servicesOf(cloud.session.under(context));
  await forgetDeadRuns(services, state);
  const needs = { memory: request.memory, imageSize: request.imageSize };
  const chosen = await choosePlace(services, cloud.wishes, needs);
  const run = newRun(context);
  const journal = await openRunJournal(state, run, cloud.session.config);
  const directory = join(request.directory, run.name);
  const attempt = { request, cloud, services, chosen, run, journal, directory };
  try {
    return await start(attempt);
  } catch (error) {
    await clear(attempt);
    throw context.signal.aborted ? new CancelledError('cancelled', { cause: error }) : error;
  }
}

interface Attempt {
  readonly request: MachineRequest;
  readonly cloud: CloudPlacement;
  readonly services: Services;
  readonly chosen: Chosen;
  readonly run: Run;
  readonly journal: RunJournal;
  readonly directory: string;
}

async function start(attempt: Attempt): Promise<NovaMachine> {
  const { request, cloud, services, chosen, run, journal, directory } = attempt;
  const { context, userName } = request;
  const maker = new Maker(services, run, journal);
  context.log.info(`${run.name}: flavor ${chosen.flavor.name}, network ${chosen.network.name}`);
  await mkdir(directory, { mode: 0o700 });
  const image = await provideImage(maker, request, cloud.image);
  await maker.key(await makeKeyPair(directory, context.signal));
  const port = await maker.port(chosen.network);
  const server = await maker.server('main', serverOf(attempt, image.id, port));
  const source = { image: image.id, flavor: chosen.flavor.id };
  const patience = { active: ACTIVE, budget: BUDGET };
  const configDrive = cloud.configDrive ? await startOnConfigDrive(maker, source, patience) : notStarted;
  await waitForServer(services.compute, server, 'ACTIVE', ACTIVE);
  const reached = await reachedAt(maker, chosen, port);
  const { flavor, network } = chosen;
  return new NovaMachine({
    ...{ context, services, server, image: image.id, disk: flavor.disk, patience: ACTIVE, budget: BUDGET },
    ssh: { host: reached.address, port: SSH_PORT, user: userName, directory },
    facts: {
      ...{ run: run.name, cloud: cloud.session.config.label, server, image: image.id, port: port.id },
      ...{ flavor: flavor.name, network: network.name, address: reached.address },
      ...(reached.floatingIp === undefined ? {} : { 'floating IP': reached.floatingIp }),
    },
    ...{ properties: cloud.image.properties, configDrive },
    remove: () => (cloud.keep > 0 ? keep(attempt) : clear(attempt)),
  });
}

function serverOf({ request, cloud, chosen, run }: Attempt, image: string, port: Port) {
  const { context, userData } = request;
  const { zone } = cloud.wishes;
  return {
    ...{ image, flavor: chosen.flavor.id, networks: [{ port: port.id }], keyName: run.name, userData },
    ...(zone === undefined ? {} : { availabilityZone: zone }),
    metadata: keepMetadata(context, cloud.keep),
  };
}

function notStarted(): Promise<never> {
  return Promise.reject(new CheckError('no server was started on a config drive'));
}

function keepMetadata(context: Context, hours: number): Record<string, string> {
  if (hours === 0) return {};
  return { [KEEP_UNTIL]: new Date(context.now().getTime() + hours * HOUR).toISOString() };
}

async function reachedAt(
  maker: Maker,
  { floatingNetwork }: Chosen,
  port: Port,
): Promise<{ address: string; floatingIp?: string }> {
  if (floatingNetwork === undefined) return { address: port.addresses[0] ?? '' };
  const { address, id } = await maker.floatingIp(floatingNetwork, port);
  return { address, floatingIp: id };
}

async function keep({ request, run, journal, cloud }: Attempt): Promise<void> {
  await journal.end();
  request.context.log.info(`${run.name} is left in the cloud for ${cloud.keep} h, then reap removes it`);
}

/** Removes all of the run; who was cancelled asks for it and does not wait, and the next run looks again. */
async function clear({ request, services, run, journal, directory }: Attempt): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  const { context } = request;
  if (await removeRun(services, run, { cancelled: context.signal.aborted })) await journal.end();
}
