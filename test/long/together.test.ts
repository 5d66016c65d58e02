import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bed, buildTogether, digestsOf, makeBed, WARM, wholeBuild } from '../end-to-end/bed.ts';
import { expectWholeLayers } from '../end-to-end/killing.ts';

const COLD = ['--cold', 'true'];

describe('four builds at the same time on one host', () => {
  let bed: Bed;
  let alone: string;

  beforeAll(async () => {
    bed = await makeBed();
    const { bundle } = await wholeBuild(bed, COLD);
    alone = await digestsOf(bundle);
    await rm(bed.output, { recursive: true });
    await rm(bed.downloads, { recursive: true });
  });

  afterAll(() => bed?.remove());

  it('that fill the same downloads and leave the same layers make the bytes of one that is alone', async () => {
    const { digests } = await buildTogether(bed, [COLD, WARM, COLD, WARM]);
    expect(digests).toEqual([alone]);
    await expectWholeLayers(bed);
  });

  it('that start from the same layer do so too', async () => {
    const { digests, said } = await buildTogether(bed, [WARM, WARM, WARM, WARM]);
    expect(digests).toEqual([alone]);
    expect(said.filter(each => each.includes('damaged'))).toEqual([]);
    await expectWholeLayers(bed);
  });
});
