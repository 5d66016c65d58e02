import { z } from 'zod';
import { DefinitionError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { isGrant } from './grants.ts';

/** Names and values as bytes in base64; `below` are the mount points of other volumes. */
const FIND = `import base64, json, os, sys
top, below = os.fsencode(sys.argv[1]), {os.fsencode(sys.argv[1] + each) for each in sys.argv[2:]}
found = []
def look(path):
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith("system.posix_acl_"):
            value = os.getxattr(path, name, follow_symlinks=False)
            found.append({"path": base64.b64encode(path).decode(), "name": name, "value": base64.b64encode(value).decode()})
look(top)
for folder, folders, files in os.walk(top):
    folders[:] = sorted(each for each in folders if os.path.join(folder, each) not in below)
    for each in folders + sorted(files): look(os.path.join(folder, each))
print(json.dumps(found))
`;

const REMOVE = `import base64, json, os, sys
for each in json.load(sys.stdin): os.removexattr(base64.b64decode(each["path"]), each["name"], follow_symlinks=False)
`;

const lists = z.array(z.object({ path: z.string(), name: z.string(), value: z.string() }));

/**
 * Takes access lists out of the tree before mkfs.xfs fills a filesystem from it: it would keep them as attributes of
 * users, which no kernel heeds.
 * @throws DefinitionError for one that holds somebody off
 */
export async function dropAccessLists(
  sandbox: Sandbox,
  source: string,
  below: readonly string[],
): Promise<void> {
  const { stdout } = await sandbox.run(['python3', '-c', FIND, source, ...below]);
  const found = lists.parse(JSON.parse(stdout));
  const needed = found.find(({ name, value }) => !isGrant(name, Buffer.from(value, 'base64')));
  if (needed !== undefined) {
    const path = clean(Buffer.from(needed.path, 'base64').toString().slice(source.length) || '/');
    throw new DefinitionError(
      `${path} has an access list that holds somebody off, which an XFS cannot be made with`,
      {
        advice: 'take it away in an element, let it be set at the first boot, or choose ext4',
      },
    );
  }
  if (found.length > 0) await sandbox.run(['python3', '-c', REMOVE], { input: JSON.stringify(found) });
}
