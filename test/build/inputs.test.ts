import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Element } from '../../src/build/elements.ts';
import { archiveState, inputDigest, type SuiteState } from '../../src/build/inputs.ts';
import type { ImageLine } from '../../src/definition/types.ts';
import { CancelledError, NetworkError } from '../../src/host/errors.ts';
import { recordingContext } from '../host/support.ts';
import { LINE } from './support.ts';

const IN_RELEASE = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Suite: oldstable
Date: Sat, 21 Nov 2026 10:11:12 UTC
Acquire-By-Hash: yes
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

describe('inputDigest', () => {
  const element: Element = { name: 'site', path: '/a/site', needs: [], provides: [], digest: 'd1' };
  const suite: SuiteState = { suite: 'bookworm', inReleaseSha256: 's1', date: 1 };
  const digest = (
    line: Partial<ImageLine> = {},
    rest: { elements?: Element[]; suites?: SuiteState[]; tools?: string } = {},
  ) =>
    inputDigest({ line: { ...LINE, ...line }, elements: [element], suites: [suite], tools: 't1', ...rest });

  it.each<[string, string]>([
    ['the name', digest({ name: 'other' })],
    ['the release', digest({ release: '13' })],
    ['the elements asked for', digest({ elements: [] })],
    ['the packages', digest({ packages: ['htop', 'vim'] })],
    ['the environment', digest({ environment: { DIB_A: '2' } })],
    ['the disk', digest({ disk: { ...LINE.disk, reserve: 1 << 20 } })],
    ['the forms', digest({ forms: ['qcow2'] })],
    ['the user', digest({ user: { name: 'cloud' } })],
    ['the variant', digest({ variant: 'gpu' })],
    ['the mirror it is left with', digest({ mirror: { image: 'http://other.example/debian' } })],
    ['the content of an element', digest({}, { elements: [{ ...element, digest: 'd2' }] })],
    ['another element', digest({}, { elements: [element, { ...element, name: 'more' }] })],
    ['the archive', digest({}, { suites: [{ ...suite, inReleaseSha256: 's2' }] })],
    ['the tools', digest({}, { tools: 't2' })],
  ])('changes with %s', (_what, other) => expect(other).not.toBe(digest()));

  it.each<[string, string]>([
    ['the checks', digest({ verify: { ...LINE.verify, checks: ['console'], boot: 1 } })],
    ['the owner', digest({ owner: 'another team' })],
    ['the title', digest({ title: 'Another title' })],
    ['the mirror of the build', digest({ mirror: { build: 'http://two.example/debian' } })],
    ['where an element stands', digest({}, { elements: [{ ...element, path: '/b/site' }] })],
    [
      'the order in which settings were written',
      digest({ environment: { ...{ DIB_A: '1' } }, disk: reversed() }),
    ],
  ])('does not change with %s', (_what, other) => expect(other).toBe(digest()));

  function reversed(): ImageLine['disk'] {
    return Object.fromEntries(Object.entries(LINE.disk).reverse()) as unknown as ImageLine['disk'];
  }
});
