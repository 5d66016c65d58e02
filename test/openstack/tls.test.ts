import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { openDispatcher, readText, send } from '../../src/openstack/http.ts';

let folder: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-tls-'));
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const name = ['-subj', '/CN=a test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  await run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...name]);
  const [key, cert] = [await readFile(join(folder, 'key.pem')), await readFile(join(folder, 'cert.pem'))];
  server = createServer({ key, cert }, (_, response) => void response.end('hello'));
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function fetchWith(ca: string | undefined): Promise<string> {
  const dispatcher = await openDispatcher({ label: 'cloud a', ca, certificate: undefined });
  const names = { what: 'say hello', service: 'a test' };
  try {
    const signal = AbortSignal.timeout(10_000);
    return await readText(await send(dispatcher, { method: 'GET', url, headers: {}, signal }, names), names);
  } finally {
    await dispatcher.destroy();
  }
}

it('trusts the authority that cacert names, and no other', async () => {
  expect(await fetchWith(join(folder, 'cert.pem'))).toBe('hello');
  const error = await fetchWith(undefined).catch(each => each);
  expect(error.line).toMatch(
    /^could not say hello: its certificate is signed by itself: name it with cacert \(a test\)/,
  );
});

it('says that the file is not there', async () => {
  const error = await fetchWith(join(folder, 'none.pem')).catch(each => each);
  expect(error).toBeInstanceOf(DefinitionError);
  expect(error.message).toContain('cacert of cloud a names');
});
