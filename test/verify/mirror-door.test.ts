import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addressIn, openMirrorDoor } from '../../src/verify/mirror-door.ts';

const never = new AbortController().signal;

async function listening(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function doorTo(host: string, login = '') {
  const mirror = { archive: `http://${login}${host}/debian`, security: `http://${host}/debian-security` };
  const door = await openMirrorDoor(mirror, never);
  onTestFinished(() => door.close());
  return { door, at: (path: string) => `http://127.0.0.1:${door.port}${path}` };
}

describe('the door to a mirror', () => {
  it('hands on what stands below its two addresses, and no login', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const host = await listening((request, response) => {
      seen.push(request.headers);
      response.writeHead(200, { 'set-cookie': 'secret' }).end(`${request.method} ${request.url}`);
    });
    const { door, at } = await doorTo(host, 'login:password@');
    const answer = await fetch(at('/archive/dists/x/InRelease'), {
      headers: { range: 'bytes=0-', authorization: 'Basic x', cookie: 'y' },
    });
    expect(await answer.text()).toBe('GET /debian/dists/x/InRelease');
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(await (await fetch(at('/security/pool/a%2bb.deb'))).text()).toBe(
      'GET /debian-security/pool/a%2bb.deb',
    );
    expect(seen[0]).toMatchObject({ range: 'bytes=0-', host });
    for (const headers of seen) {
      expect(headers).not.toHaveProperty('authorization');
      expect(headers).not.toHaveProperty('cookie');
    }
    expect(door.trouble()).toBeUndefined();
  });

  it('is shut to everything else', async () => {
    const { at } = await doorTo(await listening((_, response) => void response.end('inside')));
    const answers = [
      await fetch(at('/')),
      await fetch(at('/other/x')),
      await fetch(at('/archive/..%2f..%2fx'), { method: 'POST', body: 'x' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
  });

  it('knows a file that is not there from a mirror that fails', async () => {
    const host = await listening((request, response) => {
      response.writeHead(request.url?.endsWith('gone') ? 404 : 503).end();
    });
    const { door, at } = await doorTo(host);
    expect((await fetch(at('/archive/gone'))).status).toBe(404);
    expect(door.trouble()).toBeUndefined();
    expect((await fetch(at('/archive/there'))).status).toBe(502);
    expect(door.trouble()).toBe(`${host} answers with HTTP status 503`);
  });

  it('tells of a mirror that nobody answers for', async () => {
    const { door, at } = await doorTo('127.0.0.1:1');
    expect((await fetch(at('/archive/x'))).status).toBe(502);
    expect(door.trouble()).toMatch(/ECONNREFUSED/);
  });

  it('follows a mirror on its own host, and nowhere else', async () => {
    const host = await listening((request, response) => {
      if (request.url === '/file') response.end('found');
      else {
        const away = request.url?.endsWith('away');
        response.writeHead(302, { location: away ? 'http://169.254.169.254/latest' : '/file' }).end();
      }
    });
    const { door, at } = await doorTo(host);
    expect(await (await fetch(at('/archive/x'))).text()).toBe('found');
    expect((await fetch(at('/archive/away'))).status).toBe(502);
    expect(door.trouble()).toBe(`${host} leads to 169.254.169.254`);
  });
});

it('no path leads out of the mirror', () => {
  const mirror = { archive: 'http://m.example/a/debian', security: 'http://m.example/a/debian-security' };
  const step = fc.oneof(fc.constantFrom('..', '.', '%2e%2e', '', '\\', '@', '//', '?', '#'), fc.string());
  fc.assert(
    fc.property(fc.constantFrom('archive', 'security', 'x'), fc.array(step), (part, steps) => {
      const found = addressIn(mirror, `/${part}/${steps.join('/')}`);
      if (found === undefined) return;
      expect(found.href.startsWith(`${mirror[part as keyof typeof mirror]}/`)).toBe(true);
      expect([found.username, found.password]).toEqual(['', '']);
    }),
  );
});
