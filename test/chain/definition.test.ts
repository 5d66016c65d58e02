import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readDefinition } from '../../src/chain/definition.ts';
import { createContext } from '../../src/host/context.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { inTemporary } from '../host/support.ts';

const LVM = `
        - local_loop: {name: image0}
        - partitioning: {base: image0, label: gpt, partitions: [{name: root, size: 100%}]}
        - lvm: {name: lvm, base: [root]}`;

it.each([
  ['LVM', `config: |${LVM}`, /^disk of debian-12: .*lvm needs the device-mapper.*: use partitions/],
  [
    'a partition where there is none',
    'layout: filesystem\n      partitions: {boot: 1GiB}',
    /^disk of debian-12: /,
  ],
])('refuses %s before anything is built, and names the image', (_what, disk, message) =>
  inTemporary(async folder => {
    const file = join(folder, 'factory.yaml');
    await writeFile(file, `version: 1\nimages:\n  debian:\n    releases: [12]\n    disk:\n      ${disk}\n`);
    const error = await readDefinition(createContext(), file).catch(caught => caught);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.line).toMatch(message);
  }),
);
