import { mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { run } from '../../src/host/process.ts';
import { recorded, startDaemon, stopDaemons, waitForDaemon } from './daemons.ts';
import { LINK_PREFIX, type Place } from './place.ts';

const NODE = 'node';

/** The folders of libvirt that the cloud has its own of, and where they are in its directory. */
const LIBVIRT = [
  ['etc/libvirt', '/etc/libvirt'],
  ['libvirt/lib', '/var/lib/libvirt'],
  ['libvirt/log', '/var/log/libvirt'],
  ['libvirt/cache', '/var/cache/libvirt'],
] as const;

/**
 * The first process of the namespaces. It takes pairs of directories to put in each other's place, after the file
 * that says it is done; then it waits, and takes leave of orphans, which dash and sleep would not.
 */
const INIT = `
set -e
ready=$1; shift
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/libvirt /run/lock /run/sudo
while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done
ip link set lo up
sysctl -q net.ipv6.conf.all.disable_ipv6=0
: > "$ready"
sleep infinity &
while :; do wait || :; done
`;

/** A link between the node and the host, for one network that the host reaches. */
interface Link {
  /** The node's end. */
  readonly uplink: string;
  readonly host: string;
  readonly prefix: string;
}

/** One that the node has an address on, for its services: the bridge has it that the uplink is in. */
interface BridgedLink extends Link {
  readonly bridge: string;
}

/**
 * Floating IPs come from the first; the other one is a provider network, on which servers are without any. Its uplink is
 * in no bridge here: Nova plugs servers into one that Neutron's agent makes, and the agent must put the uplink and the
 * DHCP server into the same.
 */
export function linksOf(place: Place): { readonly external: BridgedLink; readonly provider: Link } {
  const link = (uplink: string, number: number): Link => ({
    uplink,
    host: `${LINK_PREFIX}${number}`,
    prefix: `198.18.${number}`,
  });
  return {
    external: { ...link('up-ex', place.network), bridge: 'br-ex' },
    provider: link('up-prov', place.network + 1),
  };
}

/**
 * Starts the namespaces (network, mounts, processes) in which the whole cloud lives, like a machine of its own: the
 * host's bridges, packet filters and libvirt are not touched, and all ends with one process.
 */
export async function startNode(place: Place): Promise<void> {
  await place.chooseNetwork(isTaken);
  const ready = place.path('run', 'node.ready');
  if ((await recorded(place, NODE)) === undefined) {
    await rm(ready, { force: true });
    for (const [own] of LIBVIRT) await mkdir(place.path(own), { recursive: true });
    const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const binds = LIBVIRT.flatMap(([own, theirs]) => [place.path(own), theirs]);
    await startDaemon(place, NODE, ['unshare', ...namespaces, 'bash', '-c', INIT, 'init', ready, ...binds]);
  }
  await waitForDaemon(place, NODE, () => exists(ready));
  const init = await firstProcess(place);
  place.enter = ['nsenter', '--target', String(init), '--net', '--mount', '--pid', '--'];
  const { external, provider } = linksOf(place);
  await connect(place, init, provider);
  if (await connect(place, init, external)) await bridge(place, external);
}

async function isTaken(network: number): Promise<boolean> {
  const { stdout } = await run(['ip', '-4', 'route', 'show', 'root', `198.18.${network}.0/23`]);
  return stdout.trim() !== '';
}

function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  );
}

/** The host's process id of what is process 1 inside. */
async function firstProcess(place: Place): Promise<number> {
  const unshare = await recorded(place, NODE);
  const children = await readFile(`/proc/${unshare}/task/${unshare}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}

/** @returns whether it was not there yet */
async function connect(place: Place, init: number, { uplink, host, prefix }: Link): Promise<boolean> {
  const { status } = await run(['ip', 'link', 'show', host], { accept: [0, 1] });
  if (status === 0) return false;
  const ip = (...words: string[]) => run(['ip', ...words]);
  await ip('link', 'add', host, 'type', 'veth', 'peer', 'name', uplink, 'netns', String(init));
  await ip('addr', 'add', `${prefix}.1/24`, 'dev', host);
  await ip('link', 'set', host, 'up');
  await run([...place.enter, 'ip', 'link', 'set', uplink, 'up']);
  return true;
}

async function bridge(place: Place, { uplink, bridge, prefix }: BridgedLink): Promise<void> {
  const ip = (...words: string[]) => run([...place.enter, 'ip', ...words]);
  await ip('link', 'add', bridge, 'type', 'bridge');
  await ip('addr', 'add', `${prefix}.2/24`, 'dev', bridge);
  await ip('link', 'set', uplink, 'master', bridge);
  await ip('link', 'set', bridge, 'up');
}

/** Ends everything in the namespaces; what the kernel made in them goes with them. */
export async function stopNode(place: Place): Promise<void> {
  if ((await recorded(place, NODE)) === undefined) return;
  const inside = await nodeProcesses(place);
  await stopDaemons(place, [NODE], 0);
  const end = Date.now() + 10_000;
  while (inside.some(pid => isAlive(pid)) && Date.now() < end)
    await new Promise(later => setTimeout(later, 50));
  for (const { host } of Object.values(linksOf(place)))
    await run(['ip', 'link', 'del', host], { accept: [0, 1] });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Every process in the namespaces, those too that made a session of their own; empty when there are none. */
export async function nodeProcesses(place: Place): Promise<number[]> {
  if ((await recorded(place, NODE)) === undefined) return [];
  const namespaceOf = (pid: number | string) => readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
  const ours = await namespaceOf(await firstProcess(place));
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) if ((await namespaceOf(pid)) === ours) found.push(Number(pid));
  return found;
}
