import { mkdir } from 'node:fs/promises';
import { run } from '../../../src/host/process.ts';
import { speaksHttp, startDaemon, waitForDaemon } from '../daemons.ts';
import { ini, type Place } from '../place.ts';
import { serviceLogin } from './keystone.ts';
import { createDatabase, databaseUrl } from './mariadb.ts';
import { HOST, osloSections } from './oslo.ts';

export const NOVA = 'nova';
export const METADATA = 'nova-metadata';
/** Secret by which the metadata service knows Neutron's agent. */
export const METADATA_SECRET = 'metadata';

const PARTS = ['conductor', 'scheduler', 'compute', 'api'] as const;

function configuration(place: Place, region: string): string {
  const { DEFAULT, ...oslo } = osloSections(place);
  const login = (user: string) => serviceLogin(place, user, region);
  // The helper would be started by sudo and a filter of commands; it is root in the node already.
  const helper = { helper_command: 'privsep-helper' };
  return ini({
    DEFAULT: {
      ...DEFAULT,
      state_path: place.path('nova'),
      instances_path: place.path('nova', 'instances'),
      compute_driver: 'libvirt.LibvirtDriver',
      enabled_apis: 'osapi_compute,metadata',
      osapi_compute_listen: place.address,
      osapi_compute_listen_port: place.port(NOVA),
      osapi_compute_workers: 1,
      metadata_listen: place.address,
      metadata_listen_port: place.port(METADATA),
      metadata_workers: 1,
      reserved_host_memory_mb: 512,
      cpu_allocation_ratio: 16,
      disk_allocation_ratio: 4,
      force_raw_images: 'false',
      vif_plugging_timeout: 120,
      config_drive_format: 'iso9660',
    },
    ...oslo,
    database: { connection: databaseUrl(place, 'nova') },
    api_database: { connection: databaseUrl(place, 'nova_api') },
    wsgi: { api_paste_config: '/etc/nova/api-paste.ini' },
    conductor: { workers: 1 },
    scheduler: { workers: 1 },
    glance: { region_name: region },
    cinder: { os_region_name: region },
    vnc: { enabled: 'false' },
    spice: { enabled: 'false' },
    libvirt: {
      virt_type: 'qemu',
      cpu_mode: 'none',
      // TCG's translation cache; QEMU's own default is 1 GiB a guest.
      tb_cache_size: 128,
      inject_partition: -2,
      live_migration_inbound_addr: place.address,
    },
    keystone_authtoken: login('nova'),
    placement: login('nova'),
    service_user: { ...login('nova'), send_service_user_token: 'true' },
    neutron: {
      ...login('neutron'),
      service_metadata_proxy: 'true',
      metadata_proxy_shared_secret: place.secret(METADATA_SECRET),
    },
    nova_sys_admin: helper,
    vif_plug_linux_bridge_privileged: helper,
    privsep_osbrick: helper,
  });
}

function manage(place: Place, ...words: string[]) {
  return run(['nova-manage', '--config-file', place.path('etc', 'nova.conf'), ...words]);
}

export async function prepareNova(place: Place, region: string): Promise<void> {
  await mkdir(place.path('nova', 'instances'), { recursive: true });
  await place.write('etc/nova.conf', configuration(place, region));
  await place.once(NOVA, async () => {
    for (const name of ['nova', 'nova_api', 'nova_cell0']) await createDatabase(place, name);
    await manage(place, 'api_db', 'sync');
    await manage(place, 'cell_v2', 'map_cell0', '--database_connection', databaseUrl(place, 'nova_cell0'));
    await manage(place, 'db', 'sync');
    await manage(place, 'cell_v2', 'create_cell', '--name', 'cell1');
  });
}

export async function startNova(place: Place): Promise<void> {
  for (const part of PARTS) {
    await startDaemon(place, `nova-${part}`, [
      `nova-${part}`,
      '--config-file',
      place.path('etc', 'nova.conf'),
    ]);
  }
  await waitForDaemon(place, 'nova-api', () => speaksHttp(place.url(NOVA)));
}

/** Makes the node known as a host for servers, once its nova-compute has reported. */
export async function findHost(place: Place): Promise<void> {
  await place.once('host', () =>
    waitForDaemon(place, 'nova-compute', async () => {
      await manage(place, 'cell_v2', 'discover_hosts');
      return (await manage(place, 'cell_v2', 'list_hosts')).stdout.includes(` ${HOST} `);
    }),
  );
}
