import { corePath } from '../bundle/names.ts';
import type { Manifest } from '../bundle/types.ts';
import type { Factory } from '../definition/types.ts';
import type { BundleUnderTest } from '../verify/offline/types.ts';
import { allowedIn, loginsOf } from './definition.ts';

/**
 * A bundle as the checks on its bytes take it.
 * @param work directory in which a work directory may be made
 */
export function bundleUnderTest(
  factory: Factory,
  manifest: Manifest,
  bundle: string,
  work: string,
): BundleUnderTest {
  return {
    ...{ core: corePath(bundle), manifest, work },
    // The factory file's word where it has the line: the manifest's is the build host's.
    line: factory.images.find(each => each.name === manifest.image) ?? manifest.line,
    logins: loginsOf(factory, manifest.image),
    allow: allowedIn(factory, manifest.image),
  };
}
