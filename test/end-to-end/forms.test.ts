import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildLog } from '../../src/build/build-log.ts';
import { TREE } from '../../src/build/chroot.ts';
import { type BuiltDisk, buildDisk } from '../../src/build/disk.ts';
import { digestRaw, makeForms, takeForms } from '../../src/build/forms.ts';
import type { ImageFile } from '../../src/bundle/types.ts';
import { type FileForm, FORMS, isDiskForm } from '../../src/definition/forms.ts';
import type { ImageLine } from '../../src/definition/types.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { sameDisk } from '../../src/image/disk-file.ts';
import { readDocuments } from '../../src/image/documents.ts';
import { requireSameTree } from '../../src/image/tree-file.ts';
import { LINE } from '../build/support.ts';
import { recordingContext } from '../host/support.ts';
import { type OpenWorkshop, openOwnWorkshop } from './workshop.ts';

const MIB = 1024 * 1024;
const EPOCH = 1_700_000_000;

/** All that a tree may hold and a form may lose: names, links, owners, times, attributes, devices by other means. */
const MAKE = `set -eu
mkdir -p "$1"; cd "$1"
mkdir -p boot/efi/own etc var/lib usr/bin 'usr/share/with space' "usr/share/$(printf 'l%.0s' $(seq 120))/$(printf 'n%.0s' $(seq 120))"
for version in 6.1.0-9 6.1.0-10; do echo "kernel $version" > boot/vmlinuz-$version; echo "initrd $version" > boot/initrd.img-$version; done
echo firmware > boot/efi/own/file
echo secret > etc/shadow; chmod 0640 etc/shadow; chown 0:42 etc/shadow
echo ping > usr/bin/ping; chmod 4755 usr/bin/ping; ln usr/bin/ping usr/bin/ping4; ln usr/bin/ping etc/another-ping
echo empty > var/lib/state; ln var/lib/state var/lib/state-too; ln -s ../etc/shadow usr/shadow; mkfifo var/lib/pipe
: > 'usr/share/with space/nothing'; chown 65533:65533 'usr/share/with space/nothing'
printf 'byte' > "usr/share/$(printf '\\351')"
truncate -s 3M var/lib/sparse; printf end >> var/lib/sparse
python3 -c 'import os
os.setxattr("usr/bin/ping", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
os.setxattr("etc", "user.mark", b"a mark")'
`;

/** A tree that has been read has other times of access. */
const DATE = `set -eu
cd "$1"
find . -exec touch --no-dereference -d @1600000000 {} +
touch -d @4000000000 var/lib/state
`;

describe('the forms of a build', () => {
  const { context } = recordingContext({ env: process.env });
  const all: ImageLine = {
    ...LINE,
    forms: FORMS,
    disk: { ...LINE.disk, journal: 4 * MIB, reserve: 8 * MIB, partitions: { var: 24 * MIB } },
  };
  let workshop: OpenWorkshop;

  beforeAll(async () => {
    workshop = await openOwnWorkshop(context);
    await workshop.sandbox.run(['sh', '-c', MAKE, 'make', TREE]);
  });

  afterAll(() => workshop?.close());

  interface Made {
    readonly core: string;
    readonly disk: BuiltDisk;
    readonly files: readonly ImageFile[];
    readonly raw: { readonly size: number; readonly sha256: string };
    path(form: FileForm): string;
  }

  async function make(line: ImageLine = all): Promise<Made> {
    const out = join(workshop.work, 'out');
    await workshop.sandbox.run(['sh', '-c', DATE, 'date', TREE]);
    const log = new BuildLog(context, join(workshop.work, 'build.log'));
    const disk = await buildDisk(context, workshop.sandbox, { line, seed: 'seed', epoch: EPOCH, out }, log);
    const core = await mkdtemp(join(workshop.work, 'core-'));
    const request = { line, version: '20261121.1', epoch: EPOCH, disk, out, core };
    await makeForms(workshop.sandbox, request, log);
    const { files, raw } = await takeForms(context, request, await digestRaw(workshop.sandbox));
    const path = (form: FileForm) => join(core, files.find(each => each.form === form)?.path ?? '');
    return { core, disk, files, raw, path };
  }

  it('all tell of one disk and one tree, and come out the same each time', async () => {
    const made = await make();
    const { core, disk, files, raw, path } = made;
    const work = join(workshop.work, 'copies');
    await mkdir(work);
    const images = files.flatMap(({ form, path }) =>
      isDiskForm(form) ? [{ form, path: join(core, path) }] : [],
    );
    expect(images.map(each => each.form)).toEqual(['qcow2', 'raw', 'raw.zst']);
    await sameDisk(context, images, { size: raw.size, digest: raw.sha256 }, work);

    const points = disk.layout.volumes.flatMap(({ content, mount }) =>
      content === 'ext4' && mount ? [mount.point] : [],
    );
    const filesystems = disk.layout.volumes.flatMap(({ content, mount, number: partition }) =>
      content === 'ext4' && mount ? [{ partition, mountPoint: mount.point }] : [],
    );
    const { inventory } = await readDocuments({
      ...{
        raw: path('raw'),
        filesystems,
        image: 'image',
        version: '1',
        distribution: 'debian',
        release: '12',
      },
      ...{ inputDigest: 'digest', epoch: EPOCH },
    });
    expect(inventory).toContain('security.capability');
    for (const form of ['tar', 'squashfs'] as const) {
      const names = await requireSameTree(context, { form, path: path(form) }, { inventory, points });
      expect(names).toBeGreaterThan(25);
      const other = inventory.replace('"mode":"4755"', '"mode":"0755"');
      const comparing = requireSameTree(context, { form, path: path(form) }, { inventory: other, points });
      await expect(comparing).rejects.toThrow(
        /another tree than the disk: \/etc\/another-ping has mode 4755/,
      );
    }
    expect(await readFile(path('kernel'), 'utf8')).toBe('kernel 6.1.0-10\n');
    expect(await readFile(path('initrd'), 'utf8')).toBe('initrd 6.1.0-10\n');

    const digests = (all: readonly ImageFile[]) => all.map(({ form, sha256 }) => [form, sha256]);
    expect(digests((await make()).files)).toEqual(digests(files));
  });

  it('of a kernel are refused where the newest has no initramfs', async () => {
    await workshop.sandbox.run(['rm', `${TREE}/boot/initrd.img-6.1.0-10`]);
    const error = await make({ ...all, forms: ['raw', 'kernel-initrd'] }).catch(error => error);
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.line).toMatch(
      /^the tree has no kernel with an initramfs in \/boot .*: add a kernel package/,
    );
  });
});
