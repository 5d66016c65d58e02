import { run } from '../../../src/host/process.ts';
import { startDaemon, stopDaemons, waitForDaemon } from '../daemons.ts';
import { ini, type Place } from '../place.ts';

const USER = 'cloud';

function socket(place: Place): string {
  return place.path('run', 'db.sock');
}

/** What SQLAlchemy is told; no TCP port is open. */
export function databaseUrl(place: Place, name: string): string {
  return `mysql+pymysql://${USER}:${place.secret('database')}@localhost/${name}?unix_socket=${socket(place)}`;
}

/** A MariaDB that listens on a socket only and does not wait for the disk: what is in it may be lost. */
export async function startDatabase(place: Place): Promise<void> {
  const root = process.getuid?.() === 0;
  const config = await place.write(
    'etc/my.cnf',
    ini({
      mysqld: {
        ...(root ? { user: 'root' } : {}),
        datadir: place.path('mysql'),
        socket: socket(place),
        'pid-file': place.path('run', 'db.own-pid'),
        'skip-networking': 'ON',
        'skip-name-resolve': 'ON',
        max_connections: 500,
        performance_schema: 'off',
        innodb_buffer_pool_size: '96M',
        innodb_flush_log_at_trx_commit: 0,
        innodb_flush_method: 'nosync',
        'character-set-server': 'utf8',
        'collation-server': 'utf8_general_ci',
      },
    }),
  );
  await place.once('database', () =>
    run([
      'mariadb-install-db',
      `--defaults-file=${config}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...(root ? ['--user=root'] : []),
    ]),
  );
  await startDaemon(place, 'mariadb', ['mariadbd', `--defaults-file=${config}`]);
  await waitForDaemon(place, 'mariadb', () =>
    sql(place, 'select 1').then(
      () => true,
      () => false,
    ),
  );
  await place.once('database-user', () =>
    sql(
      place,
      `CREATE USER IF NOT EXISTS '${USER}'@'localhost' IDENTIFIED BY '${place.secret('database')}';
       GRANT ALL ON *.* TO '${USER}'@'localhost'`,
    ),
  );
}

export async function createDatabase(place: Place, name: string): Promise<void> {
  await sql(place, `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8`);
}

/** Makes a database that is like another one: copying takes less than a service's own migrations. */
export async function copyDatabase(place: Place, from: string, to: string): Promise<void> {
  await createDatabase(place, to);
  const { stdout } = await run(['mariadb-dump', '--no-defaults', '-uroot', '-S', socket(place), from]);
  await run(['mariadb', '--no-defaults', '-uroot', '-S', socket(place), to], { input: stdout });
}

export async function stopDatabase(place: Place): Promise<void> {
  await stopDaemons(place, ['mariadb'], 30);
}

async function sql(place: Place, statement: string): Promise<string> {
  // On standard input: it may hold a password.
  const argv = ['mariadb', '--no-defaults', '-N', '-uroot', '-S', socket(place)];
  return (await run(argv, { input: statement })).stdout;
}
