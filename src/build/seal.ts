import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { findUnsealed } from '../image/seal.ts';
import { inChroot } from './chroot.ts';
import { listTree } from './disk.ts';

const REMOVE = 'cd / && xargs -0 -r rm -rf --';
const EMPTY = 'cd / && xargs -0 -r truncate -s 0 --';

/**
 * Brings the tree to what the seal list wants. It works inside the tree's own root, so that no link of an
 * element leads out of it, and on the tree as it is, without mounts over /run and /tmp.
 * @returns how many entries were removed or emptied
 */
export async function sealTree(sandbox: Sandbox): Promise<number> {
  const findings = findUnsealed(await listTree(sandbox));
  for (const [wanted, script] of [
    ['absent', REMOVE],
    ['empty', EMPTY],
  ] as const) {
    const paths = findings.filter(each => each.rule.wanted === wanted).map(each => `${each.path}\0`);
    await inChroot(sandbox, ['sh', '-c', script], { input: paths.join(''), bare: true });
  }
  await inChroot(sandbox, ['sh', '-c', 'test -e /etc/machine-id || : > /etc/machine-id'], { bare: true });
  return findings.length;
}
