import { homedir } from 'node:os';
import { expect, it } from 'vitest';
import { places } from '../../src/host/places.ts';

it.each([
  ['the home directory', { HOME: '/home/ann' }, '/home/ann/.cache', '/home/ann/.local/state'],
  ['the XDG directories', { HOME: '/h', XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' }, '/c', '/s'],
  // The specification: an empty variable is an unset one, and a relative path is to be ignored.
  [
    'no empty variable',
    { HOME: '/h', XDG_CACHE_HOME: '', XDG_STATE_HOME: '' },
    '/h/.cache',
    '/h/.local/state',
  ],
  [
    'no relative path',
    { HOME: '/h', XDG_CACHE_HOME: 'c', XDG_STATE_HOME: './s' },
    '/h/.cache',
    '/h/.local/state',
  ],
  ['the account without HOME', {}, `${homedir()}/.cache`, `${homedir()}/.local/state`],
])('takes %s', (_what, env, cache, state) => {
  expect(places({ env })).toEqual({ cache: `${cache}/image-factory`, state: `${state}/image-factory` });
});
