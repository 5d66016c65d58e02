import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../host/context.ts';
import { CancelledError, CheckError, DefinitionError } from '../../host/errors.ts';
import { waitForServer } from '../../openstack/compute/servers.ts';
import { type Port, subnets } from '../../openstack/network/network.ts';
import { openRunJournal, type RunJournal } from '../../openstack/runs/journal.ts';
import type { Services } from '../../openstack/runs/kinds.ts';
import { servicesOf } from '../../openstack/runs/leftovers.ts';
import { forgetDeadRuns, removeRun } from '../../openstack/runs/remove.ts';
import { KEEP_UNTIL, newRun, type Run } from '../../openstack/runs/run.ts';
import { makeKeyPair } from '../ssh.ts';
import type { CloudSide, MachineRequest, Told } from '../types.ts';
import { type Chosen, choosePlace } from './choose.ts';
import { startOnConfigDrive } from './config-drive.ts';
import { provideImage } from './image.ts';
import { NovaMachine } from './machine.ts';
import { Maker } from './make.ts';
import { whenThereIsRoom } from './room.ts';
import type { CloudPlacement } from './types.ts';

const HOUR = 3_600_000;
const SSH_PORT = 22;
/** Milliseconds in which a server is to be ACTIVE: a host that never had the image fetches it first. */
const ACTIVE = 900_000;
/** Of a guest's budget, for one that comes up beside another or shuts down first. */
const PATIENCE = 2;

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
  const image = (await provideImage(maker, request, cloud.image)).id;
  const publicKey = await makeKeyPair(directory, context.signal);
  await maker.key(publicKey);
  const port = await maker.port(chosen.network);
  const reached = await reachedAt(maker, chosen, port);
  const budget = PATIENCE * cloud.budget;
  const { server, configDrive } = await makeServers(attempt, maker, { image, port, budget });
  await waitForServer(services.compute, server, 'ACTIVE', ACTIVE);
  return new NovaMachine({
    ...{ context, services, server, image, disk: chosen.flavor.disk, patience: ACTIVE, budget },
    ssh: { host: reached.address, port: SSH_PORT, user: userName, directory },
    facts: factsOf(attempt, { server, image, port: port.id, address: reached.address }, reached.floatingIp),
    told: await toldTo(maker, port, publicKey),
    ...{ properties: cloud.image.properties, configDrive },
    remove: () => (cloud.keep > 0 ? keep(attempt) : clear(attempt)),
  });
}

interface Servers {
  readonly server: string;
  readonly configDrive: CloudSide['configDrive'];
}

function makeServers(
  attempt: Attempt,
  maker: Maker,
  { image, port, budget }: { readonly image: string; readonly port: Port; readonly budget: number },
): Promise<Servers> {
  const { cloud, chosen, services, request } = attempt;
  const source = { image, flavor: chosen.flavor.id };
  const room = { most: cloud.servers, needed: cloud.configDrive ? 2 : 1 };
  return whenThereIsRoom(services, request.state, room, async () => {
    const server = await maker.server('main', serverOf(attempt, image, port));
    if (!cloud.configDrive) return { server, configDrive: notStarted };
    return { server, configDrive: await startOnConfigDrive(maker, source, { active: ACTIVE, budget }) };
  });
}

function factsOf(
  { cloud, chosen, run }: Attempt,
  parts: Readonly<Record<string, string>>,
  floatingIp: string | undefined,
): Record<string, string> {
  const { flavor, network } = chosen;
  return {
    ...{ run: run.name, cloud: cloud.name, ...parts, flavor: flavor.name, network: network.name },
    ...(floatingIp === undefined ? {} : { 'floating IP': floatingIp }),
  };
}

/** What the cloud hands to a guest behind this port. Nova makes its host name of the server's. */
async function toldTo({ services, run }: Maker, port: Port, publicKey: string): Promise<Told> {
  const [address = ''] = port.addresses;
  const [subnet = ''] = port.subnets;
  const { gateway } = await subnets.get(services.session.service('network'), subnet);
  return { hostName: run.name.toLowerCase(), publicKey, address, router: gateway };
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
