import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Report } from '../../src/verify/types.ts';
import { run } from '../end-to-end/program.ts';
import { ownBundle, sharedImage } from '../end-to-end/shared-image.ts';

const CHECK = 'customer';

let work = '';

/** A guest has half an hour to boot: what is measured here is whether, not how fast. */
beforeAll(async () => {
  work = await mkdtemp('/var/tmp/image-factory-customer-');
  await cp((await sharedImage()).workspace, work, { recursive: true });
  const debian = { releases: [12], elements: ['forger'], verify: { boot: '30m' } };
  await writeFile(join(work, 'factory.yaml'), stringify({ images: { debian } }));
});

afterAll(() => rm(work, { recursive: true, force: true }));

describe.each(['bios', 'uefi'])('under %s', firmware => {
  it('is back after its customer upgraded it, with kernel and boot loader reinstalled', async () => {
    const bundle = await ownBundle(await sharedImage(), join(work, firmware));
    const factory = join(work, 'factory.yaml');
    const { status, output } = await run([
      ...['verify', bundle, '--factory', factory, '--only', CHECK, '--firmware', firmware],
    ]);
    expect(status, output).toBe(0);
    const folder = join(bundle, 'statements', 'verdict', 'qemu');
    const [verdict = ''] = await readdir(folder);
    const { checks } = JSON.parse(await readFile(join(folder, verdict, 'report.json'), 'utf8')) as Report;
    expect(checks).toMatchObject([
      {
        name: CHECK,
        detail: expect.stringMatching(/linux-image-\d.*, grub-.* reinstalled; back after .* with the same/),
      },
    ]);
    // The kernel spoke twice, and so did the prompt.
    const console = await readFile(join(folder, verdict, 'console.log'), 'utf8');
    expect(console.match(/Linux version \d/g)).toHaveLength(2);
    expect(console.split(/Linux version \d/).at(-1)).toMatch(/ login:/);
  });
});
