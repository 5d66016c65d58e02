import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Archives } from '../../../src/build/archive/archives.ts';
import { NetworkError } from '../../../src/host/errors.ts';
import { recordingContext } from '../../host/support.ts';
import { type Paragraph, TestMirror } from './mirror.ts';

const DATE = 'Sun, 01 Nov 2026 00:00:00 UTC';

describe('Archives', () => {
  let mirror: TestMirror;
  let cache: string;

  beforeEach(async () => {
    mirror = await TestMirror.open();
    cache = await mkdtemp(join(tmpdir(), 'image-factory-test-'));
    offer('bookworm', { Package: 'dpkg', Version: '1', Essential: 'yes', 'Pre-Depends': 'libc6 (>= 2)' });
    offer('bookworm', { Package: 'libc6', Version: '2.36-9' });
    offer('bookworm', { Package: 'htop', Version: '3', Depends: 'libc6' });
    offer('bookworm-security');
  });

  afterEach(async () => {
    mirror.close();
    await rm(cache, { recursive: true });
  });

  function offer(suite: string, ...packages: Paragraph[]): void {
    mirror.suites[suite] = { date: DATE, packages: [...(mirror.suites[suite]?.packages ?? []), ...packages] };
  }

  const context = (overrides = {}) =>
    recordingContext({ env: { XDG_CACHE_HOME: cache }, ...overrides }).context;
  const sources = (...suites: string[]) =>
    suites.map(suite => ({ uri: `${mirror.base}/debian`, suite, components: ['main', 'absent'] }));
  const open = (archives = new Archives(context())) =>
    archives.at(sources('bookworm', 'bookworm-security'), 'amd64');
  const closure = async (...names: string[]) => (await open()).closure(names);
  const lists = () => mirror.asked.filter(path => path.endsWith('Packages.gz'));

  it('resolves what would be installed, from all suites together', async () => {
    offer('bookworm-security', { Package: 'libc6', Version: '2.36-10' });
    expect(await closure('htop')).toMatchObject({
      packages: { dpkg: '1', htop: '3', libc6: '2.36-10' },
      unknown: [],
      security: ['libc6'],
    });
  });

  it('asks once for lines that share an archive', async () => {
    const archives = new Archives(context());
    const [one, two] = await Promise.all([open(archives), open(archives)]);
    expect(one).toBe(two);
    await Promise.all([one.closure(['htop']), two.closure(['dpkg'])]);
    expect(mirror.asked).toHaveLength(4);
  });

  it('keeps package lists: a second run asks for the small files only', async () => {
    await closure('dpkg');
    mirror.asked.length = 0;
    expect((await closure('htop')).packages).toMatchObject({ htop: '3' });
    expect(lists()).toEqual([]);
  });

  it('keeps closures: a second run does not read the lists, and another state, pin or wish has its own', async () => {
    const first = await closure('htop');
    const folder = join(cache, 'image-factory', 'package-lists');
    for (const name of await readdir(folder)) if (!name.includes('closure')) await rm(join(folder, name));
    mirror.asked.length = 0;
    expect(await closure('htop')).toEqual(first);
    expect(lists()).toEqual([]);
    expect((await closure()).packages).not.toHaveProperty('htop');
    offer('bookworm', { Package: 'htop', Version: '4' });
    expect((await closure('htop')).packages).toMatchObject({ htop: '4' });
    const pinned = await open(new Archives(context(), { htop: '3' }));
    expect((await pinned.closure(['htop'])).packages).toMatchObject({ htop: '3' });
  });

  it('fetches a list anew that changed, or that was damaged here', async () => {
    await closure('htop');
    const folder = join(cache, 'image-factory', 'package-lists');
    for (const name of await readdir(folder)) await writeFile(join(folder, name), '[{"na');
    mirror.asked.length = 0;
    expect((await closure('htop')).packages).toMatchObject({ htop: '3' });
    expect(lists()).toHaveLength(2);
    offer('bookworm', { Package: 'vim', Version: '9' });
    expect((await closure('vim')).packages).toMatchObject({ vim: '9' });
  });

  it('refuses a list that is not what InRelease names, and keeps nothing of it', async () => {
    mirror.instead.set('/debian/dists/bookworm/main/binary-amd64/Packages.gz', Buffer.from('other'));
    await expect(closure()).rejects.toThrow(NetworkError);
    await expect(closure()).rejects.toThrow(/Packages.gz is not what the InRelease file of bookworm names/);
    const kept = await readdir(join(cache, 'image-factory', 'package-lists')).catch(() => []);
    expect(kept.length).toBeLessThanOrEqual(1);
  });

  it('forgets lists that nobody asked for in two weeks', async () => {
    await closure();
    const folder = join(cache, 'image-factory', 'package-lists');
    const old = new Date(Date.now() - 15 * 24 * 3600_000);
    for (const name of await readdir(folder)) await utimes(join(folder, name), old, old);
    offer('bookworm', { Package: 'vim', Version: '9' });
    offer('bookworm-security', { Package: 'vim', Version: '9+1' });
    await closure();
    expect(await readdir(folder)).toHaveLength(3);
  });
});
