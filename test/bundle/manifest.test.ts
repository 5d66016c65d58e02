import { expect, it } from 'vitest';
import { checkManifest } from '../../src/bundle/manifest.ts';
import { load } from '../definition/support.ts';
import { manifest } from '../report/fixture.ts';

const SETTINGS = `verify:
      throughput: 1MiB
      qemu: {disk: sata, nic: e1000}
      nova: {cloud: c, region: r, flavor: f, network: n, floating: x, zone: z, servers: 2}
      allow: {set-id: {/opt/run: {reason: needed, expires: 2027-01-31}}}
      quarantine: {units: {tracker: issue 1, expires: 2027-01-31}}`;

it('takes a line with all that a factory file can say of its verification', async () => {
  const { factory } = await load(`images:\n  debian:\n    releases: [12]\n    ${SETTINGS}\n`);
  const [line] = factory.images;
  expect(Object.keys(line?.verify ?? {})).toEqual(
    expect.arrayContaining(['throughput', 'qemu', 'nova', 'allow', 'quarantine']),
  );
  const written: unknown = JSON.parse(JSON.stringify({ ...manifest, line }));
  expect(checkManifest(written, 'it').line).toEqual(line);
});
