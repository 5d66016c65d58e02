import type { Place } from '../place.ts';
import { messagesUrl } from './rabbitmq.ts';

/** The name of the only host that servers run on. */
export const HOST = 'node';

/** What every service that talks over RabbitMQ has in its configuration. */
export function osloSections(place: Place): Record<string, Record<string, string | number>> {
  return {
    DEFAULT: {
      transport_url: messagesUrl(),
      host: HOST,
      my_ip: place.address,
      graceful_shutdown_timeout: 5,
    },
    oslo_concurrency: { lock_path: place.path('run') },
    oslo_messaging_rabbit: { heartbeat_in_pthread: 'false' },
    oslo_messaging_notifications: { driver: 'noop' },
  };
}
