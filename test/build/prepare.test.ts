import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundlePath, type PrepareOptions, prepare } from '../../src/build/prepare.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { inTemporary, recordingContext } from '../host/support.ts';
import { LINE, writeTree } from './support.ts';

/** On which day the suites of the archive were made; the security suite is the newest. */
const DAYS = { bookworm: 1, 'bookworm-updates': 3, 'bookworm-security': 5 };

describe('prepare', () => {
  let server: Server;
  let base: string;
  let asked: string[];
  let days: Record<string, number>;

  beforeEach(async () => {
    asked = [];
    days = { ...DAYS };
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      const day = Object.entries(days).find(([suite]) => request.url?.includes(`/${suite}/`))?.[1];
      response.end(`-----BEGIN PGP SIGNED MESSAGE-----\nDate: Sun, 0${day} Nov 2026 00:00:00 UTC\n`);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const prepared = (options: Partial<PrepareOptions> = {}) =>
    inTemporary(async folder => {
      await writeTree(folder, {
        'debian-cloud/package-installs.yaml': 'cloud-init:\n',
        'site/package-installs.yaml': 'site-tool:\nfor-arm:\n  arch: arm64\n',
      });
      const line = { ...LINE, mirror: { build: `${base}/file` } };
      return prepare(recordingContext().context, { line, elementPaths: [folder], ...options });
    });

  it('starts every image from the foundation, with the packages that its conditions allow', async () => {
    const { elements, packages, suite } = await prepared();
    expect(suite).toBe('bookworm');
    expect(elements.map(each => each.name)).toEqual(['debian-cloud', 'site']);
    expect(packages.map(each => each.name)).toEqual(['cloud-init', 'site-tool']);
  });

  it('dates the image by the newest suite of the archive', async () =>
    expect((await prepared()).epoch).toBe(Date.UTC(2026, 10, 5) / 1000));

  it("takes the factory file's mirror, and the command line's before it", async () => {
    await prepared();
    expect(asked.every(path => path.startsWith('/file'))).toBe(true);
    asked = [];
    const { sourcesOf } = await prepared({ mirror: `${base}/option/` });
    expect(asked).toHaveLength(3);
    expect(asked.every(path => path.startsWith('/option'))).toBe(true);
    expect(sourcesOf('trixie')[0]).toMatchObject({ uri: `${base}/option`, suite: 'trixie' });
  });

  it('gives the same input digest for the same inputs, and another for another archive', async () => {
    const [one, two] = [await prepared(), await prepared()];
    expect(one.inputDigest).toBe(two.inputDigest);
    days['bookworm-security'] = 6;
    expect((await prepared()).inputDigest).not.toBe(one.inputDigest);
  });

  it('refuses a broken definition before it asks the network', async () => {
    for (const change of [{ release: '99' }, { elements: ['no-such'] }, { mirror: { build: 'nonsense' } }]) {
      const line = { ...LINE, mirror: { build: base }, ...change };
      await expect(prepared({ line })).rejects.toThrow(DefinitionError);
    }
    expect(asked).toEqual([]);
  });
});

it('keeps the bundles of a line together, one for each version and architecture', () =>
  expect(bundlePath('out', LINE, '20261121.1')).toBe(join('out', 'debian-12', '20261121.1-amd64')));
