import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLine } from '../definition/types.ts';
import { DefinitionError } from '../host/errors.ts';
import { diskPlan } from '../image/plan.ts';
import type { Element } from './elements.ts';

/** What an element is called that lays out the disk, such as diskimage-builder's block-device-efi. */
const LAYOUT = 'block-device';

/**
 * The line with the disk that its elements ask for. As in diskimage-builder, DIB_BLOCK_DEVICE_CONFIG goes before the
 * block-device-default.yaml of the element that provides block-device; disk.config of the factory file before both.
 * @throws DefinitionError that names the element whose disk cannot be made
 */
export async function withElementDisk(line: ImageLine, elements: readonly Element[]): Promise<ImageLine> {
  if (line.disk.config !== undefined) return line;
  const given = line.environment.DIB_BLOCK_DEVICE_CONFIG;
  if (given) return { ...line, disk: { ...line.disk, config: given } };
  const element = elements.find(each => each.provides.includes(LAYOUT));
  if (element === undefined) return line;
  const config = await readFile(join(element.path, 'block-device-default.yaml'), 'utf8').catch(() => '');
  if (config === '') return line;
  const disk = { ...line.disk, config };
  try {
    diskPlan(disk);
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    throw new DefinitionError(`element ${element.name}: ${error.line}`);
  }
  return { ...line, disk };
}
