import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { TREE } from '../../src/build/chroot.ts';
import { type BuiltDisk, buildDisk } from '../../src/build/disk.ts';
import type { ImageLine } from '../../src/definition/types.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { readDocuments } from '../../src/image/documents.ts';
import { parseInventory } from '../../src/image/inventory-line.ts';
import { placedRoot, SECTOR } from '../../src/image/layout.ts';
import { requireSameTree } from '../../src/image/tree-file.ts';
import { LINE } from '../build/support.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const EPOCH = 1_700_000_000;

/** All that XFS keeps in a form of its own: in the inode, in blocks, in trees of blocks. */
const MAKE = `import os, sys
os.chdir(sys.argv[1])
for folder in ("etc", "usr/bin", "usr/share/with space", "var/lib", "many", "few"): os.makedirs(folder)
def write(path, text="x", mode=0o644):
    with open(path, "w") as file: file.write(text)
    os.chmod(path, mode)
write("etc/shadow", "secret", 0o640); os.chown("etc/shadow", 0, 42)
write("usr/bin/ping", "ping" * 100000, 0o4755)
os.link("usr/bin/ping", "etc/another-ping")
os.symlink("../etc/shadow", "usr/shadow"); os.symlink("t" * 900, "usr/long")
os.mkfifo("var/lib/pipe"); write("usr/share/with space/nothing", ""); os.chown("usr/share/with space/nothing", 65533, 65533)
write(b"usr/share/\\351"); write("usr/share/" + "n" * 255)
for index in range(3000): write("many/%s-%d" % ("n" * 30, index), "")
for index in range(40): write("few/%d" % index)
with open("var/lib/pieces", "wb") as file:
    for index in range(600): file.seek(index * 12288 + 4096); file.write(b"piece %d" % index)
os.truncate("var/lib/pieces", 9000000)
os.setxattr("usr/bin/ping", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
os.setxattr("etc", "user.mark", b"a mark"); os.setxattr("etc", "user.large", b"large " * 2000)
for index in range(200): os.setxattr("few", "user.%d" % index, b"value %d" % index)
grant = bytes.fromhex("02000000" "01000700ffffffff" "04000500ffffffff" "0800050004000000" "10000500ffffffff" "20000500ffffffff")
for name in ("access", "default"): os.setxattr("var/lib", "system.posix_acl_" + name, grant)
os.chown("many", 7, 8); os.chmod("many", 0o2775)
`;

/** The group 4 may do nothing with it, while others may look. */
const LIST = '0200000001000700ffffffff04000500ffffffff080000000400000010000500ffffffff20000500ffffffff';

const DATE = `set -eu
cd "$1"
find . -exec touch --no-dereference -d @1600000000.5 {} +
touch -d @4000000000 var/lib/pieces; touch -d @-86400 few
`;

describe('an XFS', () => {
  const { context } = recordingContext({ env: process.env });
  const line: ImageLine = { ...LINE, disk: { ...LINE.disk, filesystem: 'xfs', reserve: 0 } };
  let workshop: OpenWorkshop;

  beforeAll(async () => {
    workshop = await openOwnWorkshop(context, undefined, undefined, 'xfs');
    await workshop.sandbox.run(['mkdir', '-p', TREE]);
    await workshop.sandbox.run(['python3', '-c', MAKE, TREE]);
    await workshop.sandbox.run(['sh', '-c', DATE, 'date', TREE]);
  });

  afterAll(() => workshop?.close());

  function make(): Promise<BuiltDisk> {
    const out = join(workshop.work, 'out');
    const log = new BuildLog(context, join(workshop.work, 'build.log'));
    return buildDisk(context, workshop.sandbox, { line, seed: 'seed', epoch: EPOCH, out }, log);
  }

  /** Runs a script that sees the filesystem mounted by the kernel at $1, in a mount namespace of its own. */
  async function mounted(raw: string, offset: number, options: string, script: string, ...words: string[]) {
    const point = join(workshop.work, 'mounted');
    const whole = `mkdir -p "$1"; mount -t xfs -o "$2,nouuid,loop,offset=$3" "$4" "$1"; ${script}`;
    const argv = ['unshare', '--mount', 'sh', '-euc', whole, 'mounted', point, options, String(offset), raw];
    return (await run([...argv, ...words])).stdout;
  }

  it('is the same each time, clean, and for our reader what it is for the kernel', async () => {
    const { raw, layout } = await make();
    const before = await digest(raw);
    const { start, number: partition } = placedRoot(layout);
    const filesystems = [{ partition, mountPoint: '/' }];
    const about = { image: 'i', version: '1', distribution: 'debian', release: '12', inputDigest: 'd' };
    const { inventory } = await readDocuments({ raw, filesystems, epoch: EPOCH, ...about });
    expect(inventory).toContain('security.capability');
    // mkfs.xfs makes users' attributes of access lists: those that only grant are left out.
    expect(inventory).not.toContain('posix_acl');
    const tar = join(workshop.work, 'judge.tar');
    const options = '--format=pax --sort=name --numeric-owner --xattrs --xattrs-include=*';
    await mounted(raw, start * SECTOR, 'ro,norecovery', `tar -C "$1" ${options} -cf "$5" .`, tar);
    const names = await requireSameTree(context, { form: 'tar', path: tar }, { inventory, points: ['/'] });
    expect(names).toBeGreaterThan(3060);
    const times = parseInventory(inventory).map(each => each.mtime);
    expect(Math.max(...times)).toBe(EPOCH);
    expect(Math.min(...times)).toBe(-86_400);

    const volume = join(workshop.work, 'volume');
    const copy = ['dd', `if=${raw}`, `of=${volume}`, 'bs=1M', `skip=${start / 2048}`, 'conv=sparse'];
    await run([...copy, `count=${placedRoot(layout).size / 2048}`]);
    await run(['xfs_repair', '-n', '-f', volume]);
    expect(await bytesOfFreeBlocks(volume)).toBe(0);

    expect((await make()).raw).toBe(raw);
    expect(await digest(raw)).toBe(before);
  });

  it('is refused for an access list that holds somebody off', async () => {
    const holding = [`${TREE}/var/lib`, LIST];
    const set =
      'import os, sys; os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex(sys.argv[2]))';
    await workshop.sandbox.run(['python3', '-c', set, ...holding]);
    const error = await make().catch(error => error);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toMatch(/^\/var\/lib has an access list that holds somebody off/);
    const gone = 'import os, sys; os.removexattr(sys.argv[1], "system.posix_acl_access")';
    await workshop.sandbox.run(['python3', '-c', gone, `${TREE}/var/lib`]);
  });

  it('grows to a hundred times its size', async () => {
    const { raw, layout } = await make();
    const bytes = 100 * layout.size;
    await run(['truncate', '-s', String(bytes), raw]);
    const grow = 'xfs_growfs "$1" > /dev/null; stat -f -c "%b %S" "$1"';
    const grown = await mounted(raw, placedRoot(layout).start * SECTOR, 'rw', grow);
    const [blocks = 0, block = 0] = grown.split(' ').map(Number);
    expect(blocks * block).toBeGreaterThan(0.98 * bytes);
  });
});

async function digest(path: string): Promise<string> {
  return (await run(['sha256sum', path])).stdout.split(' ')[0] ?? '';
}

/** How many bytes are not zero in the blocks that no file and no structure has. */
async function bytesOfFreeBlocks(volume: string): Promise<number> {
  const { stdout } = await run([
    'xfs_db',
    '-r',
    '-f',
    '-c',
    'sb 0',
    '-c',
    'p agblocks',
    '-c',
    'freesp -d',
    volume,
  ]);
  const groupBlocks = Number(/agblocks = (\d+)/.exec(stdout)?.[1]);
  const free = [...stdout.matchAll(/^ +(\d+) +(\d+) +(\d+)$/gm)].map(row => row.slice(1).map(Number));
  expect(free.length).toBeGreaterThan(1);
  const file = await open(volume);
  let found = 0;
  for (const [group = 0, block = 0, count = 0] of free) {
    const bytes = Buffer.alloc(count * 4096);
    await file.read(bytes, 0, bytes.length, (group * groupBlocks + block) * 4096);
    found += bytes.filter(byte => byte !== 0).length;
  }
  await file.close();
  return found;
}
