import { describe, expect, it } from 'vitest';
import { withElementDisk } from '../../src/build/element-disk.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { diskPlan } from '../../src/image/plan.ts';
import { inTemporary } from '../host/support.ts';
import { element, LINE } from './support.ts';

const layout = (label: string, more = '') => `- local_loop:
    name: image0
- partitioning:
    base: image0
    label: ${label}
    partitions:
      - name: root
        flags: [ boot, primary ]
        size: 100%
        mkfs: { mount: { mount_point: / } }
${more}`;
const CONFIG = { DIB_BLOCK_DEVICE_CONFIG: layout('gpt') };

describe('the disk of a line', () => {
  const planOf = (line: Partial<typeof LINE>, config: string | undefined) =>
    inTemporary(async folder => {
      const files = config === undefined ? {} : { 'block-device-default.yaml': config };
      const own = { ...(await element(folder, 'block-device-own', files)), provides: ['block-device'] };
      const other = await element(folder, 'other', { 'block-device-default.yaml': layout('gpt') });
      return diskPlan((await withElementDisk({ ...LINE, ...line }, [other, own])).disk);
    });

  it('is what the element that provides block-device says', async () =>
    expect(await planOf({}, layout('mbr'))).toMatchObject({ table: 'mbr', volumes: [{ number: 1 }] }));

  it.each<[string, Partial<typeof LINE>]>([
    ['the variable', { environment: CONFIG }],
    ['disk.config', { disk: { ...LINE.disk, config: layout('gpt') } }],
    [
      'disk.config, whatever the variable says,',
      { disk: { ...LINE.disk, config: layout('gpt') }, environment: { DIB_BLOCK_DEVICE_CONFIG: 'x' } },
    ],
  ])('is that of %s before the element', async (_, line) =>
    expect(await planOf(line, layout('mbr'))).toMatchObject({ table: 'gpt', volumes: [{ number: 1 }] }),
  );

  it("stays the line's own where no element lays it out", async () => {
    expect(await planOf({}, undefined)).toEqual(diskPlan(LINE.disk));
    expect(await planOf({ environment: { DIB_BLOCK_DEVICE_CONFIG: '' } }, undefined)).toEqual(
      diskPlan(LINE.disk),
    );
  });

  it('that cannot be made is refused by the name of the element', async () => {
    const refused = planOf({}, layout('gpt', '- lvm:\n    name: lvm\n'));
    await expect(refused).rejects.toThrow(DefinitionError);
    await expect(refused).rejects.toThrow(/^element block-device-own: .*lvm needs the device-mapper/);
  });
});
