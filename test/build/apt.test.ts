import { expect, it } from 'vitest';
import { explainApt } from '../../src/build/bootstrap.ts';
import { describe as tell } from '../../src/host/errors.ts';
import { ToolError } from '../../src/host/process.ts';

const URL = 'http://mirror.example/debian';
const GENERIC = 'E: Sub-process /usr/bin/dpkg returned an error code (1)\n';

function explained(text: string, stream: 'stdout' | 'stderr' = 'stderr') {
  const result = { status: 100, stdout: '', stderr: '', [stream]: text };
  return explainApt(new ToolError(['mmdebstrap'], result, 'ended with status 100'));
}

it.each([
  [
    'a package nobody has',
    'Reading package lists...\nE: Unable to locate package no-such-thing\nE: mmdebstrap failed to run\n',
    ['ElementError', 'Unable to locate package no-such-thing'],
  ],
  [
    'a package without a version',
    "Package foo is not available.\nE: Package 'foo' has no installation candidate\n",
    ['ElementError', "Package 'foo' has no installation candidate"],
  ],
  [
    'a file the mirror does not have',
    `Err:5 ${URL} bookworm/main amd64 foo\n  404  Not Found [IP: 192.0.2.1 80]\nE: Failed to fetch ${URL}/foo.deb  404  Not Found\n`,
    ['NetworkError', 'Failed to fetch'],
  ],
  [
    'a mirror that cannot be reached',
    `W: Failed to fetch ${URL}/dists/bookworm/InRelease  Could not connect to mirror.example:80\nE: Some index files failed to download.\n`,
    ['NetworkError', 'Could not connect'],
  ],
  [
    'a name that is not resolved',
    "Err:1 http://mirror.example/debian bookworm InRelease\n  Temporary failure resolving 'mirror.example'\nE: Failed to fetch x  Temporary failure resolving 'mirror.example'\n",
    ['NetworkError', 'Temporary failure resolving'],
  ],
  [
    'a mirror in the middle of an update',
    `E: Failed to fetch ${URL}/Packages  Hash Sum mismatch\n`,
    ['NetworkError', 'Hash Sum'],
  ],
  [
    'a suite that is not there',
    `E: The repository '${URL} bookworm Release' does not have a Release file.\n`,
    ['NetworkError', 'does not have a Release file'],
  ],
  [
    'an archive out of date',
    `E: Release file for ${URL}/dists/x/InRelease is expired (invalid since 3d).\n`,
    ['NetworkError', 'is expired'],
  ],
  [
    'an archive with another signature',
    `E: The repository '${URL} bookworm InRelease' is not signed.\n`,
    ['NetworkError', 'is not signed'],
  ],
  [
    'a full disk',
    `dpkg: error processing archive x.deb: failed to write: No space left on device\n${GENERIC}`,
    ['ToolError', 'No space left on device'],
  ],
  [
    "a package's own script",
    `dpkg: error processing package foo (--configure):\n installed foo script failed\n${GENERIC}`,
    ['ElementError', 'dpkg: error processing package foo'],
  ],
  [
    'packages that cannot be together',
    'E: Unable to correct problems, you have held broken packages.\n',
    ['ElementError', 'held broken packages'],
  ],
  // A number in a name is not an answer of a web server.
  [
    'a version with 404 in it',
    'E: foo : Depends: bar (= 1.4040) but it is not installable\n',
    ['ElementError', 'bar (= 1.4040)'],
  ],
  [
    'a word that has its own meaning',
    'E: Package libconnection-perl conflicts\n',
    ['ElementError', 'libconnection-perl'],
  ],
  ['nothing that is known', 'strange words\n', ['ElementError', 'strange words']],
])('knows %s', (_what, text, [name, said]) => {
  for (const stream of ['stdout', 'stderr'] as const) {
    const error = explained(text, stream);
    expect(error.name).toBe(name);
    expect(error.message).toContain(said);
    expect(tell(error).line).not.toContain('\n');
  }
});

it('does not blame the mirror for a hiccup that apt got over', () => {
  const text = `W: Failed to fetch ${URL}/x  Connection timed out, retrying\ndpkg: error processing package foo (--configure):\n${GENERIC}`;
  expect(explained(text).name).toBe('ElementError');
});
