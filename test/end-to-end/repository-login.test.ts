import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { SignedArchive } from '../build/signed-archive.ts';
import { addElement, type Bed, makeBed, startBuild, wholeBuild } from './bed.ts';
import { FaultMirror } from './fault-mirror.ts';
import { failedLogs, visibleFiles } from './leftovers.ts';

const isRoot = process.getuid?.() === 0;
const HALVES = ['Zc9horse', 'battery7staple'];
const PASSWORD = HALVES.join('');

const MIRROR = ['--mirror', FaultMirror.ADDRESS];

/** Looks for the password without holding it, everywhere that a script may read. */
const SPY = `#!/bin/sh
word=$(printf '%s%s' ${HALVES.join(' ')})
for place in / $TARGET_ROOT; do
  grep -rlF --exclude-dir=proc --exclude-dir=sys --exclude-dir=cache -e "$word" "$place" 2> /dev/null | sed 's/^/spy: found /'
done
for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do
  tr '\\0' '\\n' < "$file" 2> /dev/null | grep -qF "$word" && echo "spy: found $file"
done
ls /etc/apt/sources.list.d 2> /dev/null | sed 's/^/spy: source /'
echo 'spy: looked everywhere'
`;

/** Words of the factory file: one repository asks for a login, the other is kept with a priority. */
const settings = (fingerprint: string) => `    packages: [locked-package]
    repositories: [locked, open]
repositories:
  locked: { apt: "http://10.77.0.1/locked", suite: /, key: vendor.asc, fingerprint: ${fingerprint}, credentials: ARCHIVE_LOGIN }
  open: { apt: "http://10.77.0.1/open", suite: /, key: vendor.asc, fingerprint: ${fingerprint}, pin: 400, image: keep }
`;

describe.runIf(isRoot)('a package repository behind a login', () => {
  let folder: string;
  let archive: SignedArchive;
  let mirror: FaultMirror;
  let made: Bed;

  const bedWith = (login?: string): Bed => {
    const program = [...mirror.inside, ...made.program];
    return { ...made, program, env: { ...made.env, ARCHIVE_LOGIN: login } };
  };

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/image-factory-login-');
    archive = await SignedArchive.open(folder);
    await archive.makeKey('vendor');
    await archive.holdPackage('locked-package');
    await archive.publish('Origin: Vendor\nLabel: test\nCodename: any\n');
    mirror = await FaultMirror.open(folder);
    mirror.instead = (path, asked, answer) => {
      const [, name, rest = ''] = /^\/(locked|open)\/(.*)$/.exec(path) ?? [];
      if (name === undefined) return false;
      void archive.answer(rest, asked, answer, name === 'locked' ? `ci:${PASSWORD}` : undefined);
      return true;
    };
    made = await makeBed({ warm: true });
    await addElement(made, 'spy', { 'extra-data.d/50-spy': SPY, 'install.d/50-spy': SPY });
    await appendFile(join(made.place, 'factory/factory.yaml'), settings(archive.keys.vendor ?? ''));
    await run(['cp', '--', join(folder, 'vendor.asc'), join(made.place, 'factory')]);
  });

  afterAll(async () => {
    await mirror?.close();
    await archive?.close();
    await made?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it.concurrent('gives its package; the login is in no file, log or process, and the other stays with its priority', async () => {
    const bed = bedWith(`ci:${PASSWORD}`);
    const { bundle, output } = await wholeBuild(bed, MIRROR);
    const read = (name: string) => readFile(join(bundle, 'core', name), 'utf8');
    expect(await read('packages.txt')).toMatch(/^locked-package[ \t]/m);
    const inventory = await read('inventory.jsonl').catch(async () => read('files.txt'));
    expect(inventory).toContain('etc/apt/sources.list.d/open.sources');
    expect(inventory).toContain('etc/apt/preferences.d/open.pref');
    expect(inventory).not.toMatch(/etc\/apt\/[a-z.]+\/locked/);
    const log = await read('logs/build.log');
    const spied = log.split('\n').filter(line => /spy: /.test(line));
    expect(spied.filter(line => line.includes('looked everywhere'))).toHaveLength(2);
    expect(spied.filter(line => line.includes('found'))).toEqual([]);
    expect(spied.filter(line => line.includes('source locked'))).toEqual([]);
    expect(spied.filter(line => line.includes('source open')).length).toBeGreaterThan(0);
    await expectNowhere(bed, output);
  });

  it.concurrent.each([
    ['wrong', 'ci:wrong-horse', 4, /^error: repository locked cannot be read: .*401.*ARCHIVE_LOGIN$/m],
    ['absent', undefined, 2, /^error: repository locked needs a login, and ARCHIVE_LOGIN is not set/m],
  ])(
    'with a login that is %s ends the build with a line that names it',
    async (what, login, status, line) => {
      const bed = { ...bedWith(login), output: join(made.place, 'work', `out-${what}`) };
      await mkdir(bed.output);
      const ended = await startBuild(bed, MIRROR).ended;
      expect(ended).toEqual({ status, output: expect.stringMatching(line) });
      expect(ended.output).not.toContain('wrong-horse');
      expect(await failedLogs(bed.output)).toEqual([]);
      expect(await visibleFiles(bed.output)).toEqual([]);
    },
  );
});

/** Raw images, manifest, logs, caches and package lists. */
async function expectNowhere(bed: Bed, said: string): Promise<void> {
  expect(said).not.toContain(PASSWORD);
  for (const word of [PASSWORD, Buffer.from(`ci:${PASSWORD}`).toString('base64')]) {
    const found = await run(['grep', '-rlaF', '-e', word, join(bed.place, 'work')], { accept: [0, 1] });
    expect(found.stdout).toBe('');
  }
}
