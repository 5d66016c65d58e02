import { run } from '../../../src/host/process.ts';
import { ini, type Place } from '../place.ts';
import { serviceLogin } from './keystone.ts';
import { createDatabase, databaseUrl } from './mariadb.ts';
import { startWsgi } from './wsgi.ts';

export const PLACEMENT = 'placement';

export async function preparePlacement(place: Place, region: string): Promise<void> {
  const config = await place.write(
    'etc/placement.conf',
    ini({
      placement_database: { connection: databaseUrl(place, PLACEMENT) },
      api: { auth_strategy: 'keystone' },
      keystone_authtoken: serviceLogin(place, PLACEMENT, region),
    }),
  );
  await place.once(PLACEMENT, async () => {
    await createDatabase(place, PLACEMENT);
    await run(['placement-manage', '--config-file', config, 'db', 'sync']);
  });
}

export async function startPlacement(place: Place): Promise<void> {
  const env = { OS_PLACEMENT_CONFIG_DIR: place.path('etc') };
  await startWsgi(place, PLACEMENT, { program: '/usr/bin/placement-api', processes: 1, env });
}
