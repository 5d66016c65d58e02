import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../src/host/process.ts';
import { ini, type Place } from '../place.ts';
import { createDatabase, databaseUrl } from './mariadb.ts';
import { startWsgi } from './wsgi.ts';

export interface KeystoneOptions {
  readonly name: string;
  /** Seconds a token lives. */
  readonly tokenLifetime: number;
}

/** Tokens of the ordinary Keystone outlive any test. */
export const KEYSTONE: KeystoneOptions = { name: 'keystone', tokenLifetime: 86_400 };

/**
 * A second Keystone over the same database and keys: what it issues is valid everywhere, for a short time. A token
 * holds its own end, so one database can serve both.
 */
export const IMPATIENT_KEYSTONE: KeystoneOptions = { name: 'keystone-impatient', tokenLifetime: 60 };

function configuration(place: Place, options: KeystoneOptions): string {
  return ini({
    DEFAULT: { public_endpoint: place.url(options.name) },
    database: { connection: databaseUrl(place, 'keystone') },
    token: { provider: 'fernet', expiration: options.tokenLifetime },
    fernet_tokens: { key_repository: place.path('keystone', 'fernet-keys') },
    fernet_receipts: { key_repository: place.path('keystone', 'fernet-keys') },
    credential: { key_repository: place.path('keystone', 'credential-keys') },
    // Without it, judging a token takes half a second of a processor; it is one process's own.
    cache: { enabled: 'true', backend: 'dogpile.cache.memory' },
    // Logging in costs a quarter of a second otherwise, and nobody attacks these passwords.
    identity: { password_hash_rounds: 4 },
  });
}

/** Its database, keys, and the administrator. */
export async function prepareKeystone(place: Place, region: string): Promise<void> {
  const config = await place.write('etc/keystone.conf', configuration(place, KEYSTONE));
  const manage = ['keystone-manage', '--config-file', config];
  const url = `${place.url(KEYSTONE.name)}/v3`;
  await place.once('keystone', async () => {
    await createDatabase(place, 'keystone');
    await run([...manage, 'db_sync']);
    for (const keys of ['fernet-keys', 'credential-keys']) await makeKeys(place.path('keystone', keys));
    const urls = ['public', 'internal', 'admin'].flatMap(each => [`--bootstrap-${each}-url`, url]);
    await run([...manage, 'bootstrap', '--bootstrap-region-id', region, ...urls], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', OS_BOOTSTRAP_PASSWORD: place.secret('admin') },
    });
  });
}

/** What `keystone-manage fernet_setup` does, without two seconds for starting it: a next key, and the one in use. */
async function makeKeys(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of ['0', '1']) {
    const key = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await writeFile(join(folder, name), key, { mode: 0o600 });
  }
}

export async function startKeystone(place: Place, options: KeystoneOptions = KEYSTONE): Promise<void> {
  const config = await place.write(`etc/${options.name}.conf`, configuration(place, options));
  const env = { OS_KEYSTONE_CONFIG_DIR: place.path('etc'), OS_KEYSTONE_CONFIG_FILES: config };
  await startWsgi(place, options.name, { program: '/usr/bin/keystone-wsgi-public', processes: 1, env });
}

/** How a service reaches Keystone: to judge its callers' tokens, or to call another one. */
export function serviceLogin(place: Place, user: string, region: string): Record<string, string> {
  const url = `${place.url(KEYSTONE.name)}/v3`;
  return {
    auth_type: 'password',
    auth_url: url,
    www_authenticate_uri: url,
    username: user,
    password: place.secret(user),
    project_name: 'service',
    user_domain_name: 'Default',
    project_domain_name: 'Default',
    region_name: region,
  };
}
