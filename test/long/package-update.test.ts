import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UpdatedBed } from '../end-to-end/updated-bed.ts';

/** A mirror that gets later versions of packages, day by day, before a host that keeps its layers. */
describe('a build after packages were updated', () => {
  let bed: UpdatedBed;

  beforeAll(async () => {
    bed = await UpdatedBed.open();
    await bed.build('--cold', 'false');
  });

  afterAll(() => bed?.close());

  it('puts them into the last bootstrap, with the bytes of a cold build', async () => {
    await bed.touch('iproute2', 'usr/share/doc/iproute2/copyright');
    await bed.touch('sudo', 'usr/bin/sudo');
    await bed.touch('libpng16-16', 'usr/lib/x86_64-linux-gnu/libpng16.so.16.39.0');
    await bed.archive.publish();
    const warm = await bed.build('--cold', 'false');
    console.log(warm.log.replace(/^(?!==|.* s$|a new|.*bootstrap).*\n/gm, ''));
    expect(warm.log).toContain('== package update');
    expect(warm.log).not.toContain('mmdebstrap:');
    expect(warm.packages.sudo).toMatch(/\+day\d$/);
    const cold = await bed.build('--cold', 'true');
    expect(cold.log).toContain('mmdebstrap:');
    expect(warm.digest).toBe(cold.digest);
  });

  it('is one from a new bootstrap where a script of theirs has changed', async () => {
    const script = 'DEBIAN/postinst';
    await bed.archive.change(await bed.deb('procps'), '+script', root =>
      appendFile(join(root, script), '\ntrue\n'),
    );
    await bed.archive.publish();
    const warm = await bed.build('--cold', 'false');
    expect(warm.log).toContain('a new bootstrap: procps: its postinst is another');
    expect(warm.log).toContain('mmdebstrap:');
  });
});
