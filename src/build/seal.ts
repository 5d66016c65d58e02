import { ElementError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { findUnsealed, type SealFinding } from '../image/seal.ts';
import { inTree } from './chroot.ts';
import { listTree } from './disk.ts';

const REMOVE = 'cd / && xargs -0 -r rm -rf --';
const EMPTY = 'cd / && xargs -0 -r truncate -s 0 --';

/**
 * Brings the tree to what the seal list wants. It works inside the tree's own root, so that no link of an
 * element leads out of it, and on the tree as it is, without mounts over /run and /tmp.
 * @returns how many entries were removed or emptied
 * @throws ElementError for an entry that has to go and whose name is not UTF-8
 */
export async function sealTree(sandbox: Sandbox): Promise<number> {
  const findings = findUnsealed(await listTree(sandbox));
  refuseUnreadable(findings);
  for (const [wanted, script] of [
    ['absent', REMOVE],
    ['empty', EMPTY],
  ] as const) {
    const paths = findings.filter(each => each.rule.wanted === wanted).map(each => `${each.path}\0`);
    await inTree(sandbox, ['sh', '-c', script], { input: paths.join('') });
  }
  await inTree(sandbox, ['sh', '-c', 'test -e /etc/machine-id || : > /etc/machine-id']);
  return findings.length;
}

/** Names come as text; one that lost bytes on the way would stay, and emptying it would make another file. */
function refuseUnreadable(findings: readonly SealFinding[]): void {
  const [first] = findings.filter(each => each.path.includes('\ufffd'));
  if (first === undefined) return;
  throw new ElementError(`an element left /${clean(first.path)} in the image, and its name is not UTF-8`, {
    advice: `remove it in that element (${first.rule.why})`,
  });
}
