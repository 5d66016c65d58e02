import { speaksHttp, startDaemon, waitForDaemon } from '../daemons.ts';
import type { Place } from '../place.ts';

export interface WsgiOptions {
  /** The WSGI script that the service's package installs. */
  readonly program: string;
  readonly processes: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts an API in uwsgi, and waits until it answers. */
export async function startWsgi(place: Place, name: string, options: WsgiOptions): Promise<void> {
  const { program, processes, env } = options;
  const argv = [
    'uwsgi_python3',
    ...['--http-socket', `${place.address}:${place.port(name)}`, '--wsgi-file', program],
    ...['--master', '--processes', String(processes), '--threads', '4', '--enable-threads', '--lazy-apps'],
    ...['--thunder-lock', '--die-on-term', '--need-app', '--buffer-size', '65535', '--disable-logging'],
    // uwsgi closes after each answer and does not say so by itself.
    ...['--add-header', 'Connection: close'],
  ];
  await startDaemon(place, name, argv, env);
  await waitForDaemon(place, name, () => speaksHttp(place.url(name)));
}
