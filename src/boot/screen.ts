import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import { FILES } from './qemu-argv.ts';
import type { Qmp } from './qmp.ts';

/** A stuck QEMU answers nothing; milliseconds. */
const PATIENCE = 5_000;
/** Far more than the text or picture of a console takes; a guest chooses its pixels. */
const LARGEST = 4 * 1024 ** 2;
const PNG = Buffer.from('89504e470d0a1a0a', 'hex');

/**
 * What the guest's screen shows: a boot loader or a firmware that never found the serial console tells its story
 * there.
 * @param directory the machine's, in which QEMU runs
 * @returns a PNG file; undefined when QEMU has none to give
 */
export async function takeScreen(context: Context, qmp: Qmp, directory: string): Promise<Buffer | undefined> {
  const file = join(directory, FILES.screen);
  try {
    const taken = qmp.execute('screendump', { filename: FILES.screen, format: 'png' });
    await Promise.race([taken, tooLate(context)]);
    if ((await stat(file)).size > LARGEST) return undefined;
    const picture = await readFile(file);
    return picture.subarray(0, PNG.length).equals(PNG) ? picture : undefined;
  } catch (error) {
    if (!(error instanceof HostError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    context.log.debug(`there is no picture of the screen: ${error}`);
    return undefined;
  } finally {
    await rm(file, { force: true });
  }
}

async function tooLate(context: Context): Promise<never> {
  await context.sleep(PATIENCE);
  throw new HostError('QEMU takes no picture');
}
