import { compareDebianVersions } from '../build/archive/version.ts';
import type { Factory, ImageLine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import type { InstalledPackage } from '../image/packages.ts';
import type { PendingUpdate } from '../verify/offline/types.ts';
import { prepareLine } from './build.ts';

/**
 * Which of an image's packages the security suite has newer ones of, by the archive as it stands now. What neither the
 * line nor its elements name as a package, such as what a script fetched, is not looked up.
 * @throws DefinitionError, NetworkError
 */
export async function pendingUpdates(
  context: Context,
  factory: Factory,
  line: ImageLine,
  installed: readonly InstalledPackage[],
): Promise<PendingUpdate[]> {
  const { inputs, isSecurity } = await prepareLine(context, factory, line, undefined);
  return installed.flatMap(({ name, version }) => {
    const now = inputs.packages[name];
    if (now === undefined || !isSecurity(name) || compareDebianVersions(version, now) >= 0) return [];
    return [{ name, version, now }];
  });
}
