import { ElementError } from '../host/errors.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { TREE } from './chroot.ts';

/**
 * The newest date of the packages in the tree, seconds since 1970: the same whenever the same packages are
 * installed. dpkg keeps the time at which a package's list of sums was made, and a reproducible package has it
 * from its changelog.
 * @throws ElementError when no package is installed
 */
export async function packageEpoch(sandbox: Sandbox): Promise<number> {
  const folder = `${TREE}/var/lib/dpkg/info`;
  const argv = ['find', folder, '-maxdepth', '1', '-name', '*.md5sums', '-printf', '%Ts\\n'];
  const times = (await sandbox.run(argv, { accept: [0, 1] })).stdout.split('\n').filter(each => each !== '');
  if (times.length === 0) {
    throw new ElementError('the tree holds no Debian package', {
      advice: 'an element in root.d, or the bootstrap, must install one',
    });
  }
  return Math.max(...times.map(Number));
}
