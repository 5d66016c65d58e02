import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bed, makeBed, startBuild } from '../end-to-end/bed.ts';
import { FaultMirror } from '../end-to-end/fault-mirror.ts';
import { visibleFiles } from '../end-to-end/leftovers.ts';

describe('a mirror', () => {
  let folder: string;
  let mirror: FaultMirror;
  let bed: Bed;

  beforeAll(async () => {
    folder = await mkdtemp('/var/tmp/image-factory-mirror-');
    mirror = await FaultMirror.open(folder);
    bed = await makeBed({ warm: true });
    const archives = join(bed.downloads, 'archives');
    for (const name of await readdir(archives))
      if (name.startsWith('perl-base_')) await rm(join(archives, name));
    mirror.faults = path => (path.includes('/perl-base_') ? 'slow' : 'none');
  });

  afterAll(async () => {
    await mirror?.close();
    await bed?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('that gives 17 kB/s ends the build within a minute and a half, not after the hours that it would take', async () => {
    const own = { ...bed, program: [...mirror.inside, ...bed.program] };
    const start = Date.now();
    const ended = await startBuild(own, ['--mirror', FaultMirror.ADDRESS]).ended;
    const line = /^error: the package mirror gave less than 32 KiB\/s for 30 s: /m;
    expect(ended).toEqual({ status: 4, output: expect.stringMatching(line) });
    expect(Date.now() - start).toBeLessThan(90_000);
    expect(await visibleFiles(own.output)).toEqual([]);
  });

  it('that has no testing is named when an XFS image needs a tool from there', async () => {
    mirror.instead = (path, _asked, answer) => {
      if (!path.includes('/dists/forky/')) return false;
      answer.writeHead(404).end();
      return true;
    };
    await appendFile(join(bed.place, 'factory/factory.yaml'), '    disk: { filesystem: xfs }\n');
    const own = { ...bed, program: [...mirror.inside, ...bed.program] };
    const ended = await startBuild(own, ['--mirror', FaultMirror.ADDRESS]).ended;
    const line =
      /^error: the tools tree cannot be made: E: The repository '\S+ forky Release' does not have/m;
    expect(ended).toEqual({ status: 4, output: expect.stringMatching(line) });
    expect(await visibleFiles(own.output)).toEqual([]);
  });
});
