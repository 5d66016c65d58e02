import { describe, expect, it } from 'vitest';
import { cloudOf } from '../../src/chain/cloud.ts';
import { line } from '../definition/support.ts';

async function verification(text: string, name = 'debian-12') {
  return (await line(text, name)).verify;
}

const FILE = `
defaults:
  verify: { nova: { cloud: lab, region: east, flavor: s1.small, floating: public } }
variants:
  gpu: { verify: { nova: { flavor: g1.small, zone: gpu } } }
images:
  debian: { releases: [12], variants: [gpu] }
`;

describe('the cloud of a verification', () => {
  it("is the factory file's, a variant's own words before the others", async () => {
    const { nova } = await verification(FILE, 'debian-12-gpu');
    expect(nova).toEqual({
      ...{ cloud: 'lab', region: 'east', flavor: 'g1.small', floating: 'public', zone: 'gpu' },
    });
    expect(cloudOf({}, await verification(FILE))).toEqual({ cloud: 'lab', region: 'east' });
  });

  it('is what was asked for, and takes no region of another one', async () => {
    const own = await verification(FILE);
    expect(cloudOf({ cloud: 'other' }, own)).toEqual({ cloud: 'other' });
    expect(cloudOf({ cloud: 'lab' }, own)).toEqual({ cloud: 'lab', region: 'east' });
    expect(cloudOf({ region: 'west' }, own)).toEqual({ cloud: 'lab', region: 'west' });
    expect(cloudOf({}, await verification('images: { debian: { releases: [12] } }'))).toEqual({});
  });
});
