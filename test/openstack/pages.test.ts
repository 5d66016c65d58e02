import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { listAll, nextLink } from '../../src/openstack/pages.ts';
import type { Service } from '../../src/openstack/service.ts';
import { json, type OddServer, oddServer } from './server.ts';

let server: OddServer;

afterEach(() => server.close());

const PAGE = z.object({ things: z.array(z.number()), next: z.string().optional() });

function list(service: Service, more: { deadline?: number } = {}): Promise<number[]> {
  return listAll(service, {
    what: 'list things',
    path: '/things',
    query: { limit: 2 },
    page: PAGE,
    items: page => page.things,
    next: page => page.next,
    ...more,
  });
}

it('reads every item once and in order, however they are cut into pages', async () => {
  let pages: number[][] = [];
  server = await oddServer((request, response) => {
    const at = Number(new URL(request.url ?? '', 'http://x').searchParams.get('marker') ?? 0);
    const more = at + 1 < pages.length;
    json(response, {
      things: pages[at] ?? [],
      ...(more ? { next: `/v2/things?marker=${at + 1}&limit=2` } : {}),
    });
  });
  const glance = (await server.session()).service('image');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 8 }), async given => {
      pages = given;
      expect(await list(glance)).toEqual(given.flat());
    }),
    { numRuns: 40 },
  );
});

it('keeps to the host it asked first: a token goes nowhere else', async () => {
  server = await oddServer((request, response) => {
    const first = !request.url?.includes('marker');
    json(response, { things: [1], ...(first ? { next: 'http://198.51.100.1/elsewhere?marker=a' } : {}) });
  });
  expect(await list((await server.session()).service('image'))).toEqual([1, 1]);
  expect(server.asked).toEqual(['GET /v2/things?limit=2', 'GET /v2/things?marker=a']);
});

it('notices a list that leads in a circle', async () => {
  server = await oddServer((_, response) => json(response, { things: [1], next: '/v2/things?marker=a' }));
  await expect(list((await server.session()).service('image'))).rejects.toThrow(
    'could not list things: its pages lead in a circle',
  );
});

it('gives up a list without end at its deadline', async () => {
  let page = 0;
  let time = 0;
  server = await oddServer((_, response) => {
    time += 1000;
    json(response, { things: [1], next: `/v2/things?marker=${page++}` });
  });
  const glance = (await server.session({ now: () => new Date(time) })).service('image');
  await expect(list(glance, { deadline: 10_000 })).rejects.toThrow(
    'could not list things in time: 10 were read',
  );
});

it('finds the next page where Nova and Neutron write it', () => {
  const links = [
    { rel: 'previous', href: 'http://x?marker=0' },
    { rel: 'next', href: 'http://x?marker=2' },
  ];
  expect(nextLink(links)).toBe('http://x?marker=2');
  expect(nextLink(undefined)).toBeUndefined();
});
