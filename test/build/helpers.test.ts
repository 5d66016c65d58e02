import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeHelpers } from '../../src/build/helpers.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';
import { element, type Files, writeTree } from './support.ts';

const MAP = {
  release: { debian: { bookworm: { tool: 'tool-12' } } },
  distro: { debian: { tool: 'tool-debian', several: 'one  two' } },
  family: { debian: { tool: 'tool-family', gone: '' } },
  default: { tool: 'tool', other: 'other-default', gone: 'gone-default' },
};
const SERVICES = `
web: { default: httpd, debian: apache2 }
shell: { family: x, default: sshd }
files: { redhat: nfs }
`;
const ELEMENTS: Record<string, Files> = {
  site: { 'pkg-map': JSON.stringify(MAP), 'svc-map': SERVICES },
  plain: {},
};

/** Runs a helper as in a chroot: by its name, with the variables that every script has. */
async function helped(words: readonly string[], elements = ELEMENTS) {
  return inTemporary(async place => {
    const folder = join(place, 'helpers');
    const read = Object.entries(elements).map(([name, files]) => element(join(place, 'in'), name, files));
    await writeHelpers(folder, await Promise.all(read), { distribution: 'debian', release: 'bookworm' });
    const env = {
      PATH: `/usr/bin:/bin:${folder}`,
      DISTRO_NAME: 'debian',
      DIB_RELEASE: 'bookworm',
      DIB_INIT_SYSTEM: 'systemd',
    };
    const [name = '', ...rest] = words;
    const program = `${folder}/${name}`;
    const { status, stdout, stderr } = await run([program, ...rest], { env, accept: [0, 1, 2] });
    return { status, lines: stdout.split('\n').slice(0, -1), stderr };
  });
}

describe('pkg-map', () => {
  it.each<[string, string[]]>([
    ['tool', ['tool-12']],
    ['several other', ['one two', 'other-default']],
    ['gone tool', ['tool-12']],
    ['--missing-ok none-such tool', ['none-such', 'tool-12']],
    ['--prefix=> --distro debian --release=bookworm tool', ['>tool-12']],
    ['', []],
  ])('--element site %s gives %j', async (words, lines) => {
    const told = await helped(['pkg-map', '--element', 'site', ...words.split(' ').filter(Boolean)]);
    expect(told).toMatchObject({ status: 0, lines });
    expect(await helped(['pkg-map', ...words.split(' ').filter(Boolean), '--element=site'])).toEqual(told);
  });

  it.each<[string, number, RegExp]>([
    ['--element site none-such', 1, /site has no mapping for none-such/],
    ['--element plain tool', 2, /plain has no pkg-map/],
    ['tool', 1, /name an --element/],
    ['--element site --distro fedora tool', 1, /image is of debian/],
    ['--element site --other tool', 1, /--other is not known/],
  ])('%s ends with %i', async (words, status, said) => {
    const told = await helped(['pkg-map', ...words.split(' ')]);
    expect(told.status).toBe(status);
    expect(told.stderr).toMatch(said);
  });

  it('passes on any name that it does not know, as it is', () =>
    fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[a-z0-9*?[\]$`"'\\;&|<>~][a-z0-9*+.$`"\\-]*$/), async name => {
        fc.pre(
          !Object.values(MAP).some(table => Object.hasOwn(table, name)) && !Object.hasOwn(MAP.default, name),
        );
        const told = await helped(['pkg-map', '--missing-ok', '--element', 'site', name]);
        expect(told).toMatchObject({ status: 0, lines: [name] });
      }),
      { numRuns: 25 },
    ));
});

describe('svc-map', () => {
  it('knows distribution, family and default, and names that it does not know', async () => {
    const { lines } = await helped(['svc-map', 'web', 'shell', 'files', 'none-such']);
    expect(lines).toEqual(['apache2', 'sshd', 'files', 'none-such']);
  });

  it('is refused where two elements name a service', async () => {
    const elements = { ...ELEMENTS, again: { 'svc-map': 'web: { default: nginx }\n' } };
    await expect(helped(['svc-map', 'web'], elements)).rejects.toThrow(DefinitionError);
    await expect(helped(['svc-map'], { odd: { 'svc-map': '- web\n' } })).rejects.toThrow(DefinitionError);
  });
});

it('map-packages maps by an element, or not at all', async () => {
  expect((await helped(['map-packages', '-m', 'site', 'tool', 'vim'])).lines).toEqual(['tool-12', 'vim']);
  expect((await helped(['map-packages', 'tool', 'vim'])).lines).toEqual(['tool', 'vim']);
});

it('dib-python and dib-init-system are what the image has', async () => {
  expect((await helped(['dib-python', '-c', 'import sys; print(sys.version_info.major)'])).lines).toEqual([
    '3',
  ]);
  expect((await helped(['dib-init-system'])).lines).toEqual(['systemd']);
});

describe('dib-run-parts', () => {
  const script = (text: string): readonly [string, number] => [`#!/bin/sh\n${text}\n`, 0o755];
  const parts = (files: Files, ...words: string[]) =>
    inTemporary(async folder => {
      await writeTree(folder, files);
      const told = await helped(['dib-run-parts', ...words, join(folder, 'x.d')]);
      return { ...told, lines: told.lines.map(line => line.replace(folder, '')) };
    });
  const FILES: Files = {
    'x.d/10-late': script('echo late $COLOUR'),
    'x.d/9-early': script('echo early $COLOUR'),
    'x.d/5-copy~': script('echo never'),
    'x.d/4-text': ['echo never', 0o644],
    'environment.d/10-colour.bash': 'export COLOUR=$COLOUR-blue\n',
    'environment.d/9-colour': 'COLOUR=red\n',
  };

  it('runs scripts by their numbers, after environment.d', async () => {
    expect(await parts(FILES)).toMatchObject({ status: 0, lines: ['early red-blue', 'late red-blue'] });
    expect((await parts({ 'x.d/1-a': script('echo a') })).lines).toEqual(['a']);
  });

  it('lists them', async () =>
    expect((await parts(FILES, '--list')).lines).toEqual(['/x.d/9-early', '/x.d/10-late']));

  it('ends with the first that fails, and without a folder', async () => {
    const failed = await parts({ ...FILES, 'x.d/9-early': script('exit 1') });
    expect(failed).toMatchObject({ status: 1, lines: [] });
    expect((await parts({})).status).toBe(1);
  });
});
