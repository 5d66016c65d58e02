import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../src/bundle/manifest.ts';
import { type Elsewhere, elsewhere } from './elsewhere.ts';
import { type SharedImage, sharedImage } from './shared-image.ts';

const DAY = 86_400_000;
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('an image that is built again a year later, in a Debian 13, at another place', () => {
  let image: SharedImage;
  let there: Elsewhere;

  beforeAll(async () => {
    image = await sharedImage();
    there = await elsewhere();
    await cp(image.workspace, join(there.work, 'repository'), { recursive: true });
    await cp(image.bundle, join(there.work, 'bundle'), { recursive: true });
  });

  afterAll(() => there?.remove());

  it('is the same bit for bit', async () => {
    const words = ['--factory', '/there/repository/factory.yaml', '--output', '/there/again'];
    const { status, output } = await there.run(['reproduce', '/there/bundle', ...words]);
    const manifest = await readManifest(image.bundle);
    expect([status, output]).toEqual([
      0,
      expect.stringContaining(`${manifest.image} ${manifest.version} is identical, bit for bit`),
    ]);
    for (const { path, sha256 } of manifest.files) expect(output).toContain(`${sha256}  ${path}`);
    // Else the two had the same clock, and this test says nothing.
    const ahead = Date.parse(await there.dayInTheTree()) - Date.now();
    expect(ahead).toBeGreaterThan(363 * DAY);
  });
});
