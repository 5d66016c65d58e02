import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { archiveState } from '../../../src/build/archive/state.ts';
import { CancelledError, NetworkError } from '../../../src/host/errors.ts';
import { recordingContext } from '../../host/support.ts';

const IN_RELEASE = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Suite: oldstable
Date: Sat, 21 Nov 2026 10:11:12 UTC
Acquire-By-Hash: yes
MD5Sum:
 ${'b'.repeat(32)}  111 main/binary-amd64/Packages.xz
SHA256:
 ${'a'.repeat(64)}  111 main/binary-amd64/Packages.xz
-----BEGIN PGP SIGNATURE-----
`;

describe('archiveState', () => {
  let server: Server | undefined;

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** A mirror that answers so, and what was asked of it. */
  async function mirror(listener: RequestListener): Promise<{ uri: string; asked: string[] }> {
    const asked: string[] = [];
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      listener(request, response);
    });
    await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
    return { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`, asked };
  }

  const source = (uri: string, suite = 'bookworm') => ({ uri, suite, components: ['main'] });
  const stateOf = (uri: string, context = recordingContext().context) =>
    archiveState(context, [source(uri)]).catch((error: unknown) => error);

  it('tells digest and date of each suite, in the order asked for', async () => {
    const { uri, asked } = await mirror((request, response) => response.end(IN_RELEASE + request.url));
    const sources = [source(uri), source(uri, 'bookworm-updates')];
    const states = await archiveState(recordingContext().context, sources);
    const path = (suite: string) => `/debian/dists/${suite}/InRelease`;
    expect(states).toEqual(
      ['bookworm', 'bookworm-updates'].map(suite => ({
        suite,
        inReleaseSha256: createHash('sha256')
          .update(IN_RELEASE + path(suite))
          .digest('hex'),
        date: Date.UTC(2026, 10, 21, 10, 11, 12) / 1000,
        source: source(uri, suite),
        files: new Map([['main/binary-amd64/Packages.xz', 'a'.repeat(64)]]),
      })),
    );
    expect(new Set(asked)).toEqual(new Set([path('bookworm'), path('bookworm-updates')]));
  });

  it('asks again when the server falters, and says so', async () => {
    const answers = [503, 502, 200];
    const { uri, asked } = await mirror((_request, response) => {
      response.statusCode = answers.shift() ?? 500;
      response.end(IN_RELEASE);
    });
    const { context, said } = recordingContext();
    await archiveState(context, [source(uri)]);
    expect(asked).toHaveLength(3);
    expect(said).toEqual(
      [503, 502].map(status => expect.stringContaining(`HTTP status ${status}; once more`)),
    );
  });

  it('gives up after the third time', async () => {
    const { uri, asked } = await mirror((_request, response) => {
      response.statusCode = 503;
      response.end();
    });
    expect(await stateOf(uri)).toMatchObject({ message: expect.stringContaining('does not answer') });
    expect(asked).toHaveLength(3);
  });

  it('does not ask again for what is not there', async () => {
    const { uri, asked } = await mirror((_request, response) => {
      response.statusCode = 404;
      response.end();
    });
    const error = await stateOf(uri);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ message: `${uri}/dists/bookworm/InRelease answers with HTTP status 404` });
    expect(asked).toHaveLength(1);
  });

  it('goes where a mirror sends it, as apt does, but not in circles', async () => {
    const { uri } = await mirror((request, response) => {
      if (request.url?.startsWith('/debian/')) {
        response.writeHead(302, { location: request.url.replace('/debian/', '/moved/') }).end();
      } else if (request.url?.startsWith('/circle/')) {
        response.writeHead(302, { location: request.url }).end();
      } else response.end(IN_RELEASE);
    });
    expect(await stateOf(uri)).toMatchObject([{ suite: 'bookworm' }]);
    expect(await stateOf(uri.replace('debian', 'circle'))).toBeInstanceOf(NetworkError);
  });

  it.each([
    ['a page of a captive portal', '<html>Please log in</html>'],
    ['nothing', ''],
    ['a date that is none', 'Date: tomorrow\n'],
  ])('refuses %s in place of an archive', async (_what, body) => {
    const { uri } = await mirror((_request, response) => response.end(body));
    const error = await stateOf(uri);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ message: `${uri} has no package archive for bookworm` });
  });

  it('names the mirror where none answers', async () => {
    const { uri } = await mirror(() => {});
    server?.close();
    await new Promise(resolve => server?.once('close', resolve));
    const error = await stateOf(uri);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({
      message: expect.stringContaining(uri),
      advice: expect.stringContaining('--mirror'),
    });
  });

  it('ends as cancelled, not as a fault of the mirror, when it is cancelled', async () => {
    const { uri } = await mirror(() => {});
    const controller = new AbortController();
    const asked = stateOf(uri, recordingContext({ signal: controller.signal }).context);
    setTimeout(() => controller.abort(), 50);
    expect(await asked).toBeInstanceOf(CancelledError);
  });
});
