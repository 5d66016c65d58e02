import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { run } from '../../src/host/process.ts';
import { readDocuments } from '../../src/image/documents.ts';
import { withoutGrants } from '../../src/image/grants.ts';
import type { InventoryLine } from '../../src/image/inventory-line.ts';
import { ACCESS_LIST, type AccessEntry, encodeAccessList, TAGS } from '../../src/image/read/access-list.ts';
import { requireSameTree } from '../../src/image/tree-file.ts';
import { inTemporary } from './read/tree.ts';

const entry = (tag: number, rights: number, id = 0): AccessEntry => ({ tag, rights, id });

function list(
  owningGroup: number,
  other: number,
  mask: number,
  named: readonly AccessEntry[],
): AccessEntry[] {
  const users = named.filter(each => each.tag === TAGS.user);
  const groups = named.filter(each => each.tag === TAGS.group);
  const ends = [entry(TAGS.mask, mask), entry(TAGS.other, other)];
  return [entry(TAGS.owner, 7), ...users, entry(TAGS.owningGroup, owningGroup), ...groups, ...ends];
}

function lineWith(name: string, entries: readonly AccessEntry[]): InventoryLine {
  const attributes = { [name]: encodeAccessList(entries).toString('base64') };
  return { path: '/a', type: 'directory', mode: '0755', uid: 0, gid: 0, mtime: 0, attributes };
}

interface Person {
  readonly user: number;
  readonly groups: readonly number[];
  readonly inOwningGroup: boolean;
}

/** The rights of somebody who is not the owner: the algorithm of acl(5). */
function rightsWith(entries: readonly AccessEntry[], { user, groups, inOwningGroup }: Person): number[] {
  const mask = entries.find(({ tag }) => tag === TAGS.mask)?.rights ?? 7;
  const named = entries.find(({ tag, id }) => tag === TAGS.user && id === user);
  if (named !== undefined) return [named.rights & mask];
  const matching = entries.filter(
    ({ tag, id }) =>
      (tag === TAGS.owningGroup && inOwningGroup) || (tag === TAGS.group && groups.includes(id)),
  );
  if (matching.length > 0) return matching.map(({ rights }) => rights & mask);
  return [entries.find(({ tag }) => tag === TAGS.other)?.rights ?? 0];
}

const RIGHTS = [1, 2, 3, 4, 5, 6, 7];
const rights = fc.integer({ min: 0, max: 7 });
const id = fc.integer({ min: 1, max: 3 });
const named = fc.uniqueArray(fc.tuple(fc.constantFrom(TAGS.user, TAGS.group), rights, id), {
  maxLength: 3,
  selector: ([tag, , id]) => `${tag} ${id}`,
});
const person = fc.record({ user: id, groups: fc.subarray([1, 2, 3]), inOwningGroup: fc.boolean() });

describe('an access list', () => {
  it('is left out only where nobody gains by it', () => {
    const property = fc.property(rights, rights, rights, named, person, (group, other, mask, rows, who) => {
      const entries = list(
        group,
        other,
        mask,
        rows.map(each => entry(...each)),
      );
      fc.pre(withoutGrants(lineWith(ACCESS_LIST, entries)).attributes === undefined);
      const before = rightsWith(entries, who);
      const [after = 0] = [who.inOwningGroup ? mask : other];
      const gained = RIGHTS.filter(
        each => (after & each) === each && !before.some(those => (those & each) === each),
      );
      expect(gained).toEqual([]);
    });
    fc.assert(property, { numRuns: 400 });
  });

  it('of the journals is left out of a squashfs, and one that holds somebody off is missed there', () =>
    inTemporary(async folder => {
      const journal = list(5, 5, 5, [entry(TAGS.group, 5, 4)]);
      const barring = list(5, 5, 5, [entry(TAGS.user, 0, 1000)]);
      expect(await compared(join(folder, 'grant'), journal, 'squashfs')).toBe(2);
      expect(await compared(join(folder, 'tar'), barring, 'tar')).toBe(2);
      await expect(compared(join(folder, 'bar'), barring, 'squashfs')).rejects.toThrow(
        /\/journal has attributes none/,
      );
    }));
});

const SET = `import os, sys
for name in ("access", "default"): os.setxattr("tree/journal", "system.posix_acl_" + name, bytes.fromhex(sys.argv[1]))`;

/** A folder with a list, on a disk made by mke2fs and in a form made by its own tool. */
async function compared(
  folder: string,
  entries: readonly AccessEntry[],
  form: 'tar' | 'squashfs',
): Promise<number> {
  await mkdir(join(folder, 'tree/journal'), { recursive: true });
  await run(['python3', '-c', SET, encodeAccessList(entries).toString('hex')], { cwd: folder });
  const [raw, path] = [join(folder, 'raw'), join(folder, form)];
  await run(['mke2fs', '-q', '-t', 'ext4', '-d', 'tree', raw, '8M'], { cwd: folder });
  const make = {
    tar: ['tar', '-C', 'tree', '--format=pax', '--xattrs', '--xattrs-include=*', '-cf', path, '.'],
    squashfs: ['mksquashfs', 'tree', path, '-quiet', '-no-progress'],
  };
  await run(make[form], { cwd: folder });
  const about = {
    image: 'i',
    version: '1',
    distribution: 'debian',
    release: '12',
    inputDigest: 'd',
    epoch: 0,
  };
  const filesystems = [{ partition: 0, mountPoint: '/' }];
  const { inventory } = await readDocuments({ raw, filesystems, ...about });
  expect(inventory).toContain(encodeAccessList(entries).toString('base64'));
  return requireSameTree(createContext(), { form, path }, { inventory, points: ['/'] });
}
