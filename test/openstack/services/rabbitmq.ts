import { mkdir, rm } from 'node:fs/promises';
import { run } from '../../../src/host/process.ts';
import { startDaemon, waitForDaemon } from '../daemons.ts';
import type { Place } from '../place.ts';

const NAME = 'rabbitmq';
const PORT = 5672;
const INSIDE = '127.0.0.1';

const CONFIGURATION = `listeners.tcp.1 = ${INSIDE}:${PORT}
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.file = false
log.console = true
log.console.level = warning
`;

/** RabbitMQ's own guest, who may come from the node's loopback only. */
export function messagesUrl(): string {
  return `rabbit://guest:guest@${INSIDE}:${PORT}/`;
}

/** A RabbitMQ that begins empty: what was on its way when the cloud went down is of no use to anybody. */
export async function startMessages(place: Place): Promise<void> {
  if (await listens(place)) return;
  const home = place.path('rabbitmq');
  await rm(home, { recursive: true, force: true });
  await mkdir(home);
  await place.write('etc/rabbitmq.conf', CONFIGURATION);
  const env = {
    HOME: home,
    RABBITMQ_NODENAME: 'cloud@localhost',
    RABBITMQ_CONFIG_FILE: place.path('etc', 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/nonexistent',
    RABBITMQ_MNESIA_BASE: place.path('rabbitmq', 'mnesia'),
    RABBITMQ_LOG_BASE: place.path('log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: await place.write('etc/rabbit-plugins', '[].\n'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none',
    ERL_EPMD_ADDRESS: INSIDE,
  };
  await startDaemon(place, NAME, ['/usr/lib/rabbitmq/bin/rabbitmq-server'], env);
  await waitForDaemon(place, NAME, () => listens(place));
}

async function listens(place: Place): Promise<boolean> {
  const { stdout } = await run([...place.enter, 'ss', '-Hltn', `sport = :${PORT}`]);
  return stdout.trim() !== '';
}
