import { ElementError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { LOGINS_LIMIT, type Logins, NO_LOGINS } from '../image/logins.ts';
import { allowedContent, findUnsealed, isJudged, type Sealable, type SealFinding } from '../image/seal.ts';
import { inTree } from './chroot.ts';
import { listTree } from './disk.ts';

const REMOVE = 'cd / && xargs -0 -r rm -rf --';
/** In place: owner and mode stay. */
const REWRITE = 'cat > "/$1"';
const DROP = 'rm -rf -- "/$1"';
const EMPTY = 'cd / && xargs -0 -r truncate -s 0 --';

/**
 * Brings the tree to what the seal list wants. It works inside the tree's own root, so that no link of an
 * element leads out of it, and on the tree as it is, without mounts over /run and /tmp.
 * @param asked who may log in, by the factory file
 * @returns how many entries were removed or emptied
 * @throws ElementError for an entry that has to go and whose name is not UTF-8
 */
export async function sealTree(sandbox: Sandbox, asked: Logins = NO_LOGINS): Promise<number> {
  const { findings, contents } = await inspectTree(sandbox, asked);
  refuseUnreadable(findings);
  for (const [wanted, script] of [
    ['absent', REMOVE],
    ['empty', EMPTY],
  ] as const) {
    const paths = findings.filter(each => each.rule.wanted === wanted).map(each => `${each.path}\0`);
    await inTree(sandbox, ['sh', '-c', script], { input: paths.join('') });
  }
  for (const { path, rule } of findings) {
    if (rule.wanted !== 'asked') continue;
    const content = contents.get(path)?.content;
    const allowed = content === undefined ? '' : allowedContent(path, content, asked);
    const script = allowed === '' && (content === undefined || rule.of === 'any') ? DROP : REWRITE;
    await inTree(sandbox, ['sh', '-c', script, 'seal', path], { input: allowed });
  }
  await inTree(sandbox, ['sh', '-c', 'test -e /etc/machine-id || : > /etc/machine-id']);
  return findings.length;
}

/** Paths of what must not leave this host, not even in a cache. @param asked who may log in, by the factory file */
export async function secretsInTree(sandbox: Sandbox, asked: Logins = NO_LOGINS): Promise<string[]> {
  const { findings } = await inspectTree(sandbox, asked);
  return findings.filter(({ rule }) => rule.secret).map(({ path }) => path);
}

async function inspectTree(sandbox: Sandbox, asked: Logins) {
  const entries = await listTree(sandbox);
  const contents = await readInTree(sandbox, entries.filter(isJudged));
  const seen = entries.map(entry => ({ ...entry, ...contents.get(entry.path) }));
  return { findings: findUnsealed(seen, asked), contents };
}

/** Names come as text; one that lost bytes on the way would stay, and emptying it would make another file. */
function refuseUnreadable(findings: readonly SealFinding[]): void {
  const [first] = findings.filter(each => each.path.includes('\ufffd'));
  if (first === undefined) return;
  throw new ElementError(`an element left /${clean(first.path)} in the image, and its name is not UTF-8`, {
    advice: `remove it in that element (${first.rule.why})`,
  });
}

/** The text of files in the tree; those too long, or whose name is not UTF-8, are left out. */
async function readInTree(
  sandbox: Sandbox,
  files: readonly Sealable[],
): Promise<Map<string, { readonly content: string }>> {
  const found = new Map<string, { readonly content: string }>();
  for (const { path, size } of files) {
    if (size > LOGINS_LIMIT || path.includes('\ufffd')) continue;
    const { stdout } = await inTree(sandbox, ['cat', `/${path}`]);
    found.set(path, { content: stdout });
  }
  return found;
}
