import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  debianSources,
  hostMirror,
  mirrorAt,
  pickMirror,
  sourcesFor,
  sourcesList,
  suiteOf,
  targetsOf,
} from '../../../src/build/distributions/debian.ts';
import { DefinitionError } from '../../../src/host/errors.ts';
import { run } from '../../../src/host/process.ts';
import { publicMirror } from '../../../src/image/public-mirror.ts';
import { inTemporary } from '../../host/support.ts';

const MIRROR = { archive: 'http://m.example/debian', security: 'http://m.example/debian-security' };

it('finds the security twin of a mirror, and of a snapshot', () => {
  expect(mirrorAt('http://m.example/debian/', 'x')).toEqual(MIRROR);
  expect(mirrorAt('http://m.example/archive/debian/20261121T060000Z/', 'x')).toEqual({
    archive: 'http://m.example/archive/debian/20261121T060000Z',
    security: 'http://m.example/archive/debian-security/20261121T060000Z',
  });
});

describe('suiteOf', () => {
  it('knows releases by number', () =>
    expect([suiteOf('12'), suiteOf('13')]).toEqual(['bookworm', 'trixie']));
  it.each(['99', '', 'constructor', '__proto__', '12.5'])('refuses %j with those it knows', release => {
    const error = (() => {
      try {
        return suiteOf(release);
      } catch (each) {
        return each;
      }
    })();
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error).toMatchObject({ advice: 'one of 12, 13' });
  });
});

describe('sources', () => {
  const sources = sourcesFor('bookworm', MIRROR);

  it('are the release, its updates and its security fixes', () =>
    expect(sources.map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      `${MIRROR.archive} bookworm`,
      `${MIRROR.archive} bookworm-updates`,
      `${MIRROR.security} bookworm-security`,
    ]));

  it('may be older than they say, for a snapshot alone', () => {
    expect(sourcesList(sources)).not.toContain('valid-until');
    const old = sourcesList(sourcesFor('bookworm', MIRROR, { mayBeOld: true }));
    expect(old.match(/^deb \[signed-by=\S+ check-valid-until=no\] /gm)).toHaveLength(3);
  });

  it('say the same to apt in both forms', async () => {
    const [lines, deb822] = [
      await printed('x.list', sourcesList(sources)),
      await printed('x.sources', debianSources(sources)),
    ];
    expect(lines).toBe(deb822);
    expect(lines.match(/Packages\.xz'/g)).toHaveLength(12);
    // Without any list fetched, as in a fresh container, that is all there is to find the mirror by.
    expect(pickMirror(targetsOf(lines))).toEqual(MIRROR);
  });
});

/** What apt-get would fetch with one file of sources and no lists. */
function printed(name: string, text: string): Promise<string> {
  return inTemporary(async folder => {
    await writeFile(join(folder, name), text);
    const own = ['Etc::sourcelist=/dev/null', `Etc::sourceparts=${folder}`, 'State::lists=/nonexistent'];
    const options = own.flatMap(each => ['-o', `Dir::${each}`]);
    return (await run(['apt-get', ...options, 'update', '--print-uris'])).stdout;
  });
}

describe('mirrorAt', () => {
  it.each([
    ['http://m.example/debian', MIRROR],
    ['http://m.example/debian///', MIRROR],
    [
      'https://m.example:8080/a/debian/',
      { archive: 'https://m.example:8080/a/debian', security: 'https://m.example:8080/a/debian-security' },
    ],
  ])('takes %s', (address, wanted) => expect(mirrorAt(address, 'mirror')).toEqual(wanted));

  it.each([
    'm.example/debian',
    '',
    'ftp://m.example/debian',
    'file:///srv/debian',
    'http://',
    'http://m.example/deb ian',
    'http://m.example/debian\ndeb [trusted=yes] http://evil.example x main',
    'http://m.example/debian\t',
  ])('refuses %j and says where it was written', address => {
    expect(() => mirrorAt(address, 'mirror.image')).toThrow(DefinitionError);
    expect(() => mirrorAt(address, 'mirror.image')).toThrow(/^mirror\.image: /);
  });
});

describe('pickMirror', () => {
  const rows = (...each: string[]) => `${each.join('\n')}\n`;

  it('finds archive and security among what apt knows', () => {
    const text = rows(
      'http://other.example/docker bookworm main Docker',
      'http://m.example/debian/ bookworm-updates main Debian',
      'http://m.example/debian/ bookworm main Debian',
      'http://m.example/debian/ bookworm contrib Debian',
      'http://s.example/debian-security/ bookworm-security main Debian',
    );
    expect(pickMirror(text)).toEqual({
      archive: 'http://m.example/debian',
      security: 'http://s.example/debian-security',
    });
  });

  it('knows it by its path where no list was fetched yet', () => {
    const text = rows(
      'http://m.example/debian bookworm main $(ORIGIN)',
      'http://x.example/tools bookworm main $(ORIGIN)',
    );
    expect(pickMirror(text)).toEqual(MIRROR);
  });

  it.each([
    ['Ubuntu', 'http://u.example/ubuntu noble main Ubuntu'],
    ['a CD', 'cdrom:[Debian]/ bookworm main Debian'],
    ['a folder', 'file:/srv/debian bookworm main Debian'],
    ['nothing', ''],
  ])('finds none in %s', (_what, text) => expect(pickMirror(rows(text))).toBeUndefined());
});

it("hostMirror is what this host's apt says, or nothing", async () => {
  const own = await hostMirror();
  if (own !== undefined) expect(own.archive).toMatch(/^https?:\/\/[^/]+.*[^/]$/);
  const folder = await mkdtemp(join(tmpdir(), 'image-factory-apt-'));
  try {
    expect([await hostMirror(folder), await hostMirror(folder)]).toEqual([own, own]);
    if (own !== undefined) expect(await readdir(folder)).toEqual(['pkgcache.bin']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('publicMirror', () => {
  const CLOUD_CFG = `system_info:
   package_mirrors:
     - arches: [default]
       failsafe:
         primary: https://d.example/debian
         security: https://d.example/debian-security/
`;

  it("reads the distribution's own from its cloud-init", () =>
    expect(publicMirror(CLOUD_CFG)).toEqual({
      archive: 'https://d.example/debian',
      security: 'https://d.example/debian-security',
    }));

  it('guesses the security twin, and knows when there is nothing', () => {
    expect(publicMirror('  primary: http://d.example/debian/\n')?.security).toBe(
      'http://d.example/debian-security',
    );
    expect(publicMirror('')).toBeUndefined();
    expect(publicMirror('  primary:\n    - http://d.example/debian\n')).toBeUndefined();
    expect(publicMirror('# primary: http://d.example/debian\n')).toBeUndefined();
  });
});
