import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, checkCancelled } from '../host/context.ts';
import { CheckError, HostError } from '../host/errors.ts';
import { run, ToolError } from '../host/process.ts';
import { NetworkGate } from './gate.ts';
import { type Documents, noCloudDocuments, openStackDocuments } from './metadata/documents.ts';
import { type MetadataServer, serveMetadata } from './metadata/server.ts';
import type { InstanceData } from './metadata/types.ts';
import {
  FILES,
  FIRMWARE,
  qemuArgv,
  staticNetwork,
  type VirtualNetwork,
  virtualNetwork,
} from './qemu-argv.ts';
import { QemuProcess } from './qemu-process.ts';
import type { Qmp } from './qmp.ts';
import { LABELS, makeSeedDisk } from './seed.ts';
import { makeKeyPair, type SshTarget } from './ssh.ts';
import { tied } from './tied.ts';
import type { Accelerator, MachineRequest, Told } from './types.ts';

/** What a machine that was switched on is made of. */
export interface Parts {
  readonly accelerator: Accelerator;
  readonly directory: string;
  readonly diskSize: number;
  readonly resolver: string;
  readonly gate: NetworkGate;
  readonly qemu: QemuProcess;
  readonly qmp: Qmp;
  readonly ssh: SshTarget;
  readonly told: Told;
  readonly poweredOn: Date;
  /** Of metadata; absent: it is on a disk. */
  readonly server: MetadataServer | undefined;
}

/**
 * Makes a guest's files and starts QEMU on them.
 * @param directory the machine's own, empty
 * @throws HostError when QEMU does not start, CheckError when the image cannot be a disk, CancelledError
 */
export async function switchOn(
  request: MachineRequest,
  accelerator: Accelerator,
  directory: string,
): Promise<Parts> {
  const { context, firmware } = request;
  await makeOverlay(request, join(directory, FILES.disk));
  const network = virtualNetwork(context.random(2));
  const data = await instanceData(request, network, directory);
  if (firmware !== 'bios') await copyVariables(firmware, directory);
  const server = await handOver(request, data, directory);
  try {
    return await startQemu(request, { accelerator, directory, network, data, server });
  } catch (error) {
    await server?.close();
    throw error;
  }
}

interface Prepared {
  readonly accelerator: Accelerator;
  readonly directory: string;
  readonly network: VirtualNetwork;
  readonly data: InstanceData;
  readonly server: MetadataServer | undefined;
}

async function startQemu(request: MachineRequest, prepared: Prepared): Promise<Parts> {
  const { context, diskSize, userName } = request;
  const { accelerator, directory, network, data, server } = prepared;
  const qemu = new QemuProcess(qemuArgv(request, accelerator, network, data.network), directory);
  const seen = { ...network, metadataPort: server?.port };
  const gate = new NetworkGate(qemu.gateStreams(), seen, () => context.now());
  const poweredOn = context.now();
  const abort = () => void qemu.kill();
  context.signal.addEventListener('abort', abort, { once: true });
  try {
    const qmp = await qemu.monitor();
    const port = await forwardedPort(qmp);
    const { resolver } = network;
    return {
      ...{ accelerator, directory, diskSize, resolver, gate, qemu, qmp, poweredOn, server },
      told: toldBy(data, network, server),
      ssh: { host: '127.0.0.1', port, user: userName, directory },
    };
  } catch (cause) {
    await qemu.kill();
    checkCancelled(context);
    throw new HostError(`the guest was not started: ${qemu.end}`, { cause });
  } finally {
    context.signal.removeEventListener('abort', abort);
  }
}

async function instanceData(
  { context, userData, vendorData, fixedAddresses }: MachineRequest,
  network: VirtualNetwork,
  directory: string,
): Promise<InstanceData> {
  return {
    instanceId: uuid(context),
    // A name that no image has by heart.
    hostName: `guest-${context.random(4).toString('hex')}`,
    publicKey: await makeKeyPair(directory, context.signal),
    userData,
    ...(vendorData !== undefined && { vendorData }),
    ...(fixedAddresses && { network: staticNetwork(network) }),
  };
}

/** Nova's instances are known by a UUID. */
function uuid(context: Context): string {
  return context
    .random(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** @returns the service, where metadata comes from one */
async function handOver(
  { metadata = 'nocloud', context }: MachineRequest,
  data: InstanceData,
  directory: string,
): Promise<MetadataServer | undefined> {
  const documents: Documents = metadata === 'nocloud' ? noCloudDocuments(data) : openStackDocuments(data);
  if (metadata === 'service') return serveMetadata(documents);
  await makeSeedDisk(join(directory, FILES.seed), documents, LABELS[metadata], context.signal);
  return undefined;
}

function toldBy(data: InstanceData, network: VirtualNetwork, server: MetadataServer | undefined): Told {
  const { hostName, publicKey } = data;
  return {
    ...{ hostName, publicKey, router: network.host },
    address: data.network?.first.address ?? network.guest,
    ...(data.network && { network: data.network }),
    ...(server && { asked: server.asked }),
  };
}

async function copyVariables(firmware: keyof typeof FIRMWARE, directory: string): Promise<void> {
  await copyFile(FIRMWARE[firmware].variables, join(directory, FILES.vars)).catch(cause => {
    throw new HostError(`the UEFI firmware ${FIRMWARE[firmware].variables} is not there`, {
      advice: 'apt-get install ovmf',
      cause,
    });
  });
}

async function makeOverlay(request: MachineRequest, overlay: string): Promise<void> {
  const { image, form, diskSize, context } = request;
  const backing = ['-b', image, '-F', form];
  const argv = ['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, overlay, String(diskSize)];
  try {
    await run(tied(argv), { signal: context.signal });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new CheckError(`${image} cannot be used as a ${form} disk: ${error.message}`, { cause: error });
  }
}

/** The port that the kernel chose, from QEMU's own table: no other process can have it. */
async function forwardedPort(qmp: Qmp): Promise<number> {
  const table = await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' });
  const port = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(String(table))?.[1];
  if (port === undefined) throw new HostError('QEMU does not tell which port leads to the guest');
  return Number(port);
}
