import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineRequest } from '../../src/boot/types.ts';
import type { Context } from '../../src/host/context.ts';

const MIB = 1024 ** 2;

/** A guest with nothing to boot: its firmware runs, which is enough for what surrounds it. */
export async function emptyDisk(context: Context, directory: string): Promise<MachineRequest> {
  const image = join(directory, 'empty.raw');
  const file = await open(image, 'w');
  await file.truncate(MIB);
  await file.close();
  return {
    ...{
      context,
      image,
      form: 'raw',
      imageSize: MIB,
      diskSize: 4 * MIB,
      firmware: 'bios',
      accel: 'tcg',
      memory: 64 * MIB,
    },
    ...{
      cpus: 1,
      userName: 'debian',
      userData: '#cloud-config\n',
      directory,
      state: join(directory, 'state'),
    },
  };
}
