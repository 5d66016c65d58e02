import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBundle } from '../../src/bundle/bundle.ts';
import type { FileDigest, Manifest } from '../../src/bundle/types.ts';
import type { DiskForm } from '../../src/definition/forms.ts';
import { manifest } from '../report/fixture.ts';

export const RAW = 'debian-12-20261121.1-amd64.raw';
export const QCOW2 = 'debian-12-20261121.1-amd64.qcow2';

export function digestOf(path: string, content: string | Buffer): FileDigest {
  const bytes = Buffer.from(content);
  const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
  return { path, size: bytes.length, sha256: hex('sha256'), sha512: hex('sha512') };
}

/** The manifest of two images that are `disk` and `packed`: the layers under test read them as bytes. */
export function manifestOf(disk: Buffer, packed: Buffer): Manifest {
  const [raw, qcow2] = [digestOf(RAW, disk), digestOf(QCOW2, packed)];
  const files = [
    { ...qcow2, form: 'qcow2' as DiskForm },
    { ...raw, form: 'raw' as DiskForm },
  ];
  return { ...manifest, diskDigest: raw.sha256, diskSize: raw.size, files };
}

/** A finished bundle of a few kilobytes that nobody signed. */
export async function sampleBundle(bundle: string, seed = 'disk'): Promise<string> {
  const disk = Buffer.alloc(4096, seed);
  const packed = Buffer.alloc(512, `packed ${seed}`);
  const draft = await createBundle(bundle);
  await writeFile(join(draft.core, RAW), disk);
  await writeFile(join(draft.core, QCOW2), packed);
  await writeFile(join(draft.core, 'packages.txt'), 'bash 5.2 amd64\n');
  await writeFile(join(draft.core, 'logs', 'build.log'), 'built\n');
  return draft.finish(manifestOf(disk, packed));
}
