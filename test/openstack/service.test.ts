import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CloudError } from '../../src/host/errors.ts';
import { ApiError, ConnectionError, SchemaError } from '../../src/openstack/errors.ts';
import { path } from '../../src/openstack/service.ts';
import { type Handler, json, type OddServer, oddServer } from './server.ts';

let server: OddServer;

afterEach(() => server.close());

const CALL = {
  what: 'read a thing',
  method: 'GET',
  path: '/thing',
  accept: [200],
  result: z.object({ a: z.number() }),
} as const;

async function image(handle: Handler, life?: number) {
  server = await oddServer(handle, life);
  return (await server.session()).service('image');
}

/** Answers as told, one after the other, the last one for ever. */
function inTurn(...answers: Handler[]): Handler {
  let turn = 0;
  return (request, response) => answers[Math.min(turn++, answers.length - 1)]?.(request, response);
}

const status =
  (code: number, body = ''): Handler =>
  (_, response) =>
    void response.writeHead(code).end(body);
const reset: Handler = request => void request.socket.destroy();
const fine: Handler = (_, response) => json(response, { a: 1 });

describe('one request', () => {
  it('is sent to the version of the API, and its answer is read', async () => {
    const glance = await image(fine);
    expect((await glance.call({ ...CALL, query: { b: 'x y', c: undefined } })).result).toEqual({ a: 1 });
    expect(server.asked).toEqual(['GET /v2/thing?b=x+y']);
  });

  it('is sent again after what passes', async () => {
    const glance = await image(inTurn(status(503), reset, status(429), fine));
    expect((await glance.call(CALL)).result).toEqual({ a: 1 });
    expect(server.asked).toHaveLength(4);
  });

  it('is not sent again when that could make a second thing', async () => {
    for (const bad of [status(503), reset]) {
      const glance = await image(inTurn(bad, fine));
      await expect(glance.call({ ...CALL, method: 'POST' })).rejects.toThrow(CloudError);
      expect(server.asked).toEqual(['POST /v2/thing']);
      await server.close();
    }
    await image(fine);
  });

  it('never leads out of its place, whatever an id holds', () => {
    expect(path`/images/${'../../v3/users'}/file`).toBe('/images/..%2F..%2Fv3%2Fusers/file');
    expect(path`/images/${'..'}/file`).toBe('/images//file');
    expect(path`/a/${'b?c#d e'}`).toBe('/a/b%3Fc%23d%20e');
  });
});

describe('a token', () => {
  it('that is refused is renewed once, and a body starts from its beginning', async () => {
    const bodies: string[] = [];
    const glance = await image((request, response) => {
      bodies.push(`${request.headers['x-auth-token']}: ${request.text}`);
      if (bodies.length === 1) response.writeHead(401).end();
      else json(response, { a: 1 });
    });
    const body = async function* () {
      yield Buffer.from('one ');
      yield Buffer.from('two');
    };
    await glance.call({ ...CALL, method: 'PUT', body, retry: 'never' });
    expect(bodies).toEqual(['t1: one two', 't2: one two']);
  });

  it('that is refused twice is an error that says so', async () => {
    const glance = await image(status(401));
    await expect(glance.call(CALL)).rejects.toMatchObject({ httpStatus: 401, status: 8 });
    expect(server.asked).toHaveLength(2);
  });

  it('is renewed before it ends, once for many callers', async () => {
    const tokens: unknown[] = [];
    server = await oddServer((request, response) => {
      tokens.push(request.headers['x-auth-token']);
      json(response, { a: 1 });
    }, 60);
    let time = 0;
    const glance = (await server.session({ now: () => new Date(time) })).service('image');
    await Promise.all([1, 2, 3].map(() => glance.call(CALL)));
    time = 53_000;
    await glance.call(CALL);
    time = 55_000;
    await Promise.all([1, 2, 3].map(() => glance.call(CALL)));
    expect(tokens).toEqual(['t1', 't1', 't1', 't1', 't2', 't2', 't2']);
  });

  it('that was given and ends cannot be renewed, and that is said', async () => {
    server = await oddServer(status(401));
    const credential = { kind: 'token', token: 'x' } as const;
    const glance = (await server.session({}, { credential })).service('image');
    await expect(glance.call(CALL)).rejects.toThrow('the token of cloud odd is not, or no longer, valid');
  });
});

describe('an error', () => {
  it('names what was tried, the status, the reason, the service and the request', async () => {
    const glance = await image((_, response) =>
      json(response, { forbidden: { message: 'not\nyou\u001b[31m', code: 403 } }, 403),
    );
    const error = await glance.call(CALL).catch(each => each);
    expect(error).toBeInstanceOf(ApiError);
    expect(error.line).toBe(
      "could not read a thing: 403 Forbidden, not you (image service of cloud odd, request req-1): the cloud's policy does not allow it to this user: ask for the role, or use another project",
    );
  });

  it('leaves the markup of a proxy out', async () => {
    const html =
      '<html><head><title>413 x</title></head><body><h1>413</h1>Too <b>large</b><br/></body></html>';
    const glance = await image(status(413, html));
    await expect(glance.call(CALL)).rejects.toThrow('413 Payload Too Large, Too large (image');
  });

  it('says that an answer is not what the API promises, and where', async () => {
    const glance = await image((_, response) => json(response, { a: 'one' }));
    await expect(glance.call(CALL)).rejects.toThrow(SchemaError);
    await expect(glance.call(CALL)).rejects.toThrow(
      '(a: Invalid input: expected number, received string; image service',
    );
    await server.close();
    const other = await image(status(200, '<html>sign in</html>'));
    await expect(other.call(CALL)).rejects.toThrow(
      'could not read a thing: the answer is not what the API promises',
    );
  });

  it('says that nothing listens there', async () => {
    const glance = await image(fine);
    const away = (await server.session({}, { endpoints: { image: 'http://127.0.0.1:9' } })).service('image');
    await expect(away.call({ ...CALL, method: 'POST' })).rejects.toThrow(
      'could not read a thing: nothing listens there',
    );
    await expect(away.call(CALL)).rejects.toBeInstanceOf(ConnectionError);
    expect(glance.label).toBe('image service of cloud odd');
  });
});
