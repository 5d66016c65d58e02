import { chmod, mkdir } from 'node:fs/promises';
import { run } from '../../../src/host/process.ts';
import { speaksHttp, startDaemon, stopDaemons, waitForDaemon } from '../daemons.ts';
import { linksOf } from '../node.ts';
import { ini, type Place } from '../place.ts';
import { serviceLogin } from './keystone.ts';
import { createDatabase, databaseUrl } from './mariadb.ts';
import { METADATA, METADATA_SECRET } from './nova.ts';
import { osloSections } from './oslo.ts';

export const NEUTRON = 'neutron';

/** Each agent with the file of its own that it reads beside neutron.conf. */
const AGENTS = {
  'linuxbridge-agent': 'ml2',
  'dhcp-agent': 'dhcp',
  'l3-agent': 'l3',
  'metadata-agent': 'metadata',
};

/** Names of the physical networks, as a network is attached to one. */
export const PHYSICAL = { external: 'external', provider: 'provider' } as const;

/**
 * ebtables-nft 1.8.9 cannot delete a rule with --among-src by its text, and the agent tries for ever, so that no
 * port is plugged any more. By its number it can.
 */
const EBTABLES = `#!/bin/sh
# ebtables -t TABLE --concurrent -D CHAIN -i VIF --among-src MACS -j RETURN
case " $* " in *" -D "*" --among-src "*) ;; *) exec /usr/sbin/ebtables "$@" ;; esac
table=$2 chain=$5 vif=$7
for n in $(/usr/sbin/ebtables -t "$table" -L "$chain" --Ln |
           awk -v v="-i $vif " 'index($0, v) && /--among-src/ {print $1}' | sort -rn); do
    /usr/sbin/ebtables -t "$table" --concurrent -D "$chain" "$n" || exit
done
`;

function mainSections(place: Place, region: string) {
  const { DEFAULT, ...oslo } = osloSections(place);
  const login = (user: string) => serviceLogin(place, user, region);
  return {
    DEFAULT: {
      ...DEFAULT,
      state_path: place.path('neutron'),
      bind_host: place.address,
      bind_port: place.port(NEUTRON),
      core_plugin: 'ml2',
      service_plugins: 'router',
      auth_strategy: 'keystone',
      api_paste_config: '/etc/neutron/api-paste.ini',
      api_workers: 1,
      rpc_workers: 1,
      rpc_state_report_workers: 0,
      metadata_workers: 0,
      dhcp_agents_per_network: 1,
      interface_driver: 'linuxbridge',
    },
    ...oslo,
    experimental: { linuxbridge: 'true' },
    agent: { root_helper: 'sudo', report_interval: 10 },
    privsep: {
      helper_command: `env PATH=${place.path('bin')}:/usr/sbin:/usr/bin:/sbin:/bin privsep-helper`,
    },
    database: { connection: databaseUrl(place, NEUTRON) },
    keystone_authtoken: login(NEUTRON),
    nova: login('nova'),
    placement: login(NEUTRON),
  };
}

/** No VLAN, VXLAN or Open vSwitch, which need kernel modules: networks of the node alone, and flat ones. */
function layer2(place: Place) {
  const { external, provider } = linksOf(place);
  return {
    ml2: {
      type_drivers: 'flat,local',
      tenant_network_types: 'local',
      mechanism_drivers: 'linuxbridge',
      extension_drivers: 'port_security',
    },
    ml2_type_flat: { flat_networks: Object.values(PHYSICAL).join(',') },
    securitygroup: { enable_security_group: 'true', enable_ipset: 'true', firewall_driver: 'iptables' },
    linux_bridge: {
      bridge_mappings: `${PHYSICAL.external}:${external.bridge}`,
      physical_interface_mappings: `${PHYSICAL.provider}:${provider.uplink}`,
    },
    vxlan: { enable_vxlan: 'false' },
  };
}

function agentFiles(place: Place) {
  return {
    ml2: layer2(place),
    l3: { DEFAULT: { agent_mode: 'legacy', metadata_port: 9697 } },
    dhcp: {
      DEFAULT: {
        dhcp_driver: 'neutron.agent.linux.dhcp.Dnsmasq',
        dnsmasq_config_file: place.path('etc', 'dnsmasq.conf'),
        enable_isolated_metadata: 'true',
        dnsmasq_local_resolv: 'false',
      },
    },
    metadata: {
      DEFAULT: {
        nova_metadata_host: place.address,
        nova_metadata_port: place.port(METADATA),
        metadata_proxy_shared_secret: place.secret(METADATA_SECRET),
      },
    },
  };
}

function files(place: Place, ...names: string[]): string[] {
  return names.flatMap(name => ['--config-file', place.path('etc', `${name}.ini`)]);
}

export async function prepareNeutron(place: Place, region: string): Promise<void> {
  for (const folder of ['neutron', 'bin']) await mkdir(place.path(folder), { recursive: true });
  await chmod(await place.write('bin/ebtables', EBTABLES), 0o755);
  // As another user it could not read, on every change, whom to give which address: the directory is ours alone.
  await place.write('etc/dnsmasq.conf', 'user=root\ngroup=root\n');
  await place.write('etc/neutron.ini', ini(mainSections(place, region)));
  for (const [name, sections] of Object.entries(agentFiles(place)))
    await place.write(`etc/${name}.ini`, ini(sections));
  await place.once(NEUTRON, async () => {
    await createDatabase(place, NEUTRON);
    await run(['neutron-db-manage', ...files(place, 'neutron', 'ml2'), 'upgrade', 'heads']);
  });
}

export async function startNeutron(place: Place): Promise<void> {
  await startDaemon(place, 'neutron-server', ['neutron-server', ...files(place, 'neutron', 'ml2')]);
  // An agent that asks before the server listens waits a minute for the answer.
  await waitForDaemon(place, 'neutron-server', () => speaksHttp(place.url(NEUTRON)));
  await startAgents(place);
}

async function startAgents(place: Place): Promise<void> {
  for (const [agent, file] of Object.entries(AGENTS)) {
    await startDaemon(place, `neutron-${agent}`, [`neutron-${agent}`, ...files(place, 'neutron', file)]);
  }
}

/**
 * For agents that hang. Their privileged halves now and then die in their first moments, of a defect of eventlet with
 * threads (`cannot switch to a different thread`), and the agents then wait for them for ever.
 */
export async function restartAgents(place: Place): Promise<void> {
  await stopDaemons(
    place,
    Object.keys(AGENTS).map(agent => `neutron-${agent}`),
    5,
  );
  await startAgents(place);
}
