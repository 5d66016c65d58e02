import type { SourceRepository } from '../bundle/types.ts';
import type { PhaseWorld } from './phases.ts';

/**
 * Reads the elements' source-repository-* files as diskimage-builder's element source-repositories does, its
 * overrides by DIB_REPOTYPE_*, DIB_REPOLOCATION_* and DIB_INSTALLTYPE_* included, and says what was fetched.
 */
const LIST = `set -u -o pipefail
if [ -n "\${NO_SOURCE_REPOSITORIES:-}" ]; then exit; fi
pattern='^([^ #]+) (git|tar|file) ?(/[^ ]+)? ?([^ ]+)? ?([^ ]*)$'
for file in "$TMP_HOOKS_PATH"/source-repository-*; do
  if [ ! -f "$file" ] || [[ $file == *'~' ]]; then continue; fi
  while read line || [ -n "$line" ]; do
    set -f; line=$(eval echo $line); set +f
    [[ $line =~ $pattern ]] || continue
    name=\${BASH_REMATCH[1]} kind=\${BASH_REMATCH[2]} path=\${BASH_REMATCH[3]} location=\${BASH_REMATCH[4]}
    key=\${name//[^A-Za-z0-9]/_}
    for setting in DIB_REPOTYPE_$key DIB_REPOLOCATION_$key DIB_INSTALLTYPE_$key; do declare "$setting=\${!setting:-}"; done
    setting=DIB_REPOTYPE_$key; kind=\${!setting:-$kind}
    setting=DIB_REPOLOCATION_$key; location=\${!setting:-$location}
    if [ "$kind" = git ] && [ -z "\${!setting}" ] && [ -n "\${DIB_GITREPOBASE:-}" ]; then
      location=$(sed "s,^[^:]\\+://[^/]\\+/\\(~[^/]\\+\\)\\?\\(.*\\)$,\${DIB_GITREPOBASE}\\2,g" <<< "$location")
    fi
    setting=DIB_INSTALLTYPE_$key; if [ "\${!setting:-$DIB_DEFAULT_INSTALLTYPE}" != source ]; then continue; fi
    # diskimage-builder's own passes over a last line that does not end.
    if [ ! -e "$TMP_MOUNT_PATH$path" ]; then continue; fi
    if [ "$kind" = git ]; then
      mark=$(git -C "$TMP_MOUNT_PATH$path" rev-parse HEAD) || exit
    else
      name_in_cache=\${key}_$(echo "\${kind}_$location" | sha1sum | cut -d ' ' -f 1)
      mark=$(sha256sum < "$DIB_IMAGE_CACHE/source-repositories/$name_in_cache" | cut -d ' ' -f 1) || exit
    fi
    printf '%s\\0' "$name" "$kind" "$path" "$location" "$mark"
  done < "$file"
done
`;

/** What the element source-repositories has put into the tree; nothing where it is not one of the build. */
export async function sourceRepositories({
  chroot,
  hooks,
  environment,
}: Pick<PhaseWorld, 'chroot' | 'hooks' | 'environment'>): Promise<SourceRepository[]> {
  if (!hooks.elements.includes('source-repositories')) return [];
  const told = await chroot.outside(['bash', '-c', LIST], { env: environment, environment: true });
  return repositoriesOf(told.stdout.split('\0').slice(0, -1));
}

/** @param words name, kind, path, location, and commit or digest of each, one after the other */
export function repositoriesOf(words: readonly string[]): SourceRepository[] {
  return Array.from({ length: words.length / 5 }, (_, index) => {
    const [name = '', kind, path = '', location = '', mark = ''] = words.slice(index * 5, index * 5 + 5);
    const rest = { name, path, location: withoutLogin(location) };
    return kind === 'git'
      ? { ...rest, kind, commit: mark }
      : { ...rest, kind: kind === 'tar' ? 'tar' : 'file', sha256: mark };
  });
}

/** An address as everybody may read it. */
function withoutLogin(location: string): string {
  if (!URL.canParse(location)) return location;
  const url = new URL(location);
  if (url.username === '' && url.password === '') return location;
  url.username = '';
  url.password = '';
  return url.href;
}
