import { mkdir } from 'node:fs/promises';
import { run } from '../../../src/host/process.ts';
import { speaksHttp, startDaemon, waitForDaemon } from '../daemons.ts';
import { ini, type Place } from '../place.ts';
import { serviceLogin } from './keystone.ts';
import { copyDatabase, createDatabase, databaseUrl } from './mariadb.ts';

/** One region: a Glance with a database and a store of its own. */
export interface Region {
  readonly name: string;
  /** Turns every imported image into this format, as some clouds over Ceph do. */
  readonly convertsTo?: 'raw';
}

export const REGIONS: readonly Region[] = [
  { name: 'staging' },
  { name: 'production' },
  { name: 'converting', convertsTo: 'raw' },
];

/** Name of a region's Glance among the daemons and ports. */
export function glanceOf(region: Pick<Region, 'name'>): string {
  return `glance-${region.name}`;
}

async function configure(place: Place, region: Region): Promise<string> {
  const name = glanceOf(region);
  const folder = (each: string) => place.path(name, each);
  for (const each of ['images', 'tmp', 'staging']) await mkdir(folder(each), { recursive: true });
  const converts = region.convertsTo !== undefined;
  await place.write(
    `etc/${name}-import.conf`,
    ini({
      image_import_opts: { image_import_plugins: converts ? "['image_conversion']" : '[]' },
      image_conversion: { output_format: region.convertsTo ?? 'raw' },
    }),
  );
  return place.write(
    `etc/${name}.conf`,
    ini({
      DEFAULT: {
        bind_host: place.address,
        bind_port: place.port(name),
        workers: 1,
        public_endpoint: place.url(name),
        worker_self_reference_url: place.url(name),
        enabled_backends: 'fs:file',
        enabled_import_methods: '[glance-direct,web-download]',
        node_staging_uri: `file://${folder('staging')}`,
      },
      database: { connection: databaseUrl(place, name) },
      glance_store: { default_backend: 'fs' },
      fs: { filesystem_store_datadir: folder('images') },
      os_glance_tasks_store: { filesystem_store_datadir: folder('tmp') },
      os_glance_staging_store: { filesystem_store_datadir: folder('staging') },
      paste_deploy: { config_file: '/etc/glance/glance-api-paste.ini', flavor: 'keystone' },
      oslo_concurrency: { lock_path: place.path('run') },
      keystone_authtoken: serviceLogin(place, 'glance', region.name),
    }),
  );
}

function configFiles(place: Place, region: Region): string[] {
  const name = glanceOf(region);
  return [`etc/${name}.conf`, `etc/${name}-import.conf`].flatMap(each => ['--config-file', place.path(each)]);
}

/** Configuration and database of every region: the first one is made by Glance, the others are like it. */
export async function prepareGlances(place: Place, regions: readonly Region[]): Promise<void> {
  const [first, ...others] = regions;
  if (first === undefined) return;
  for (const region of regions) await configure(place, region);
  await place.once(glanceOf(first), async () => {
    await createDatabase(place, glanceOf(first));
    await run(['glance-manage', ...configFiles(place, first), 'db_sync']);
  });
  for (const region of others) {
    await place.once(glanceOf(region), () => copyDatabase(place, glanceOf(first), glanceOf(region)));
  }
}

export async function startGlance(place: Place, region: Region): Promise<void> {
  const name = glanceOf(region);
  await startDaemon(place, name, ['glance-api', ...configFiles(place, region)]);
  await waitForDaemon(place, name, () => speaksHttp(place.url(name)));
}
