import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Element } from './elements.ts';
import { packageTable, type Target } from './pkg-map.ts';
import { serviceTable } from './svc-map.ts';

/**
 * Lays out the programs that diskimage-builder puts on the PATH of a chroot, for elements that call them where
 * diskimage-builder's own are not among the elements: those come first on the PATH. They need no Python.
 * @param folder seen in the chroot at the end of the PATH; the tables stand beside the programs
 */
export async function writeHelpers(
  folder: string,
  elements: readonly Element[],
  target: Target,
): Promise<void> {
  const maps = join(folder, 'maps');
  await mkdir(join(maps, 'packages'), { recursive: true });
  for (const element of elements) {
    const table = await packageTable(element, target);
    if (table !== undefined) await writeFile(join(maps, 'packages', element.name), rows(table));
  }
  await writeFile(join(maps, 'services'), rows(await serviceTable(elements, target.distribution)));
  for (const [name, text] of Object.entries(PROGRAMS)) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
}

/** One name a line, then a tab and what it stands for; scripts read it with the shell alone. */
function rows(table: ReadonlyMap<string, string>): string {
  return [...table].map(([name, words]) => `${name}\t${words.replaceAll(/\s+/g, ' ')}\n`).join('');
}

/** Sets `value` to what a table has for a name; fails where it has none. */
const LOOK_UP = `tab=$(printf '\\t')
look_up() {
  while IFS=$tab read -r key value; do
    if [ "$key" = "$2" ]; then return 0; fi
  done < "$1"
  return 1
}
`;

const PKG_MAP = `#!/bin/sh
# pkg-map --element ELEMENT [--missing-ok] [--prefix TEXT] NAME...: the packages that an element's map has for names, one a line.
# Status 1: a name is not in the map; 2: the element has no map.
set -euf
element= prefix= missing=refuse names=
while [ $# -gt 0 ]; do
  case $1 in
    --*=*) option=\${1%%=*}; value=\${1#*=}; shift; set -- "$option" "$value" "$@" ;;
  esac
  case $1 in
    --element) element=$2; shift ;;
    --prefix) prefix=$2; shift ;;
    --distro) if [ "$2" != "$DISTRO_NAME" ]; then echo "pkg-map: this image is of $DISTRO_NAME" >&2; exit 1; fi; shift ;;
    --release) if [ "$2" != "$DIB_RELEASE" ]; then echo "pkg-map: this image is of $DIB_RELEASE" >&2; exit 1; fi; shift ;;
    --missing-ok) missing=pass ;;
    --debug) ;;
    -*) echo "pkg-map: $1 is not known" >&2; exit 1 ;;
    *) names="$names $1" ;;
  esac
  shift
done
if [ -z "$element" ]; then echo 'pkg-map: name an --element' >&2; exit 1; fi
map=$(dirname "$0")/maps/packages/$element
if [ ! -e "$map" ]; then
  if [ "$missing" = refuse ]; then echo "pkg-map: element $element has no pkg-map" >&2; exit 2; fi
  map=/dev/null
fi
${LOOK_UP}for name in $names; do
  if look_up "$map" "$name"; then
    if [ -n "$value" ]; then printf '%s\\n' "$prefix$value"; fi
  elif [ "$missing" = pass ]; then
    printf '%s\\n' "$prefix$name"
  else
    echo "pkg-map: element $element has no mapping for $name" >&2
    exit 1
  fi
done
`;

const SVC_MAP = `#!/bin/sh
# svc-map NAME...: what services are called here, one a line; a unit of that very name goes before the elements' maps.
set -euf
${LOOK_UP}for name; do
  if [ ! -e "/lib/systemd/system/$name.service" ] && look_up "$(dirname "$0")/maps/services" "$name"; then name=$value; fi
  printf '%s\\n' "$name"
done
`;

const INSTALL_PACKAGES = `#!/bin/sh
# install-packages [-e] [-m ELEMENT] NAME...: -e removes, -m takes the names of an element's pkg-map.
# install-packages -u: brings everything up to date.
set -eu
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \\
    -o APT::Get::Always-Include-Phased-Updates=true "$@"
}
action='install --no-install-recommends' element=
while getopts udem: option; do
  case $option in
    u) apt dist-upgrade; exit ;;
    d) ;;
    e) action=remove ;;
    m) element=$OPTARG ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
names=$*
if [ -n "$element" ]; then names=$(pkg-map --element "$element" $names); fi
if [ -n "$names" ]; then apt $action $names; fi
`;

const MAP_PACKAGES = `#!/bin/sh
# map-packages [-m ELEMENT] NAME...: what packages are called here, one a line.
set -eu
element=
while getopts m: option; do
  case $option in
    m) element=$OPTARG ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
if [ -n "$element" ]; then exec pkg-map --missing-ok --element "$element" "$@"; fi
for name; do printf '%s\\n' "$name"; done
`;

const DIB_PYTHON = `#!/bin/sh
exec "python\${DIB_PYTHON_VERSION:-3}" "$@"
`;

const DIB_INIT_SYSTEM = `#!/bin/sh
echo "$DIB_INIT_SYSTEM"
`;

const DIB_RUN_PARTS = `#!/bin/bash
# dib-run-parts [--list] FOLDER: runs the scripts in it by their numbers, after ../environment.d.
set -ue -o pipefail
list=
if [ "\${1:-}" = --list ]; then list=yes; shift; fi
folder=\${1:-}
if [ ! -d "$folder" ]; then echo 'usage: dib-run-parts [--list] FOLDER' >&2; exit 1; fi
names_in() { find "$1" -maxdepth 1 -xtype f "\${@:3}" -printf '%f\\n' | { grep -E "$2" || true; } | LC_ALL=C sort -n; }
scripts=$(names_in "$folder" "\${RUN_PARTS_REGEX:-^[0-9A-Za-z_-]+$}" -executable)
if [ -n "$list" ]; then
  for name in $scripts; do echo "$folder/$name"; done
  exit
fi
if [ -d "$folder/../environment.d" ]; then
  for name in $(names_in "$folder/../environment.d" '^[0-9A-Za-z_.-]+$'); do . "$folder/../environment.d/$name"; done
fi
for name in $scripts; do
  echo "dib-run-parts Running $folder/$name" >&2
  "$folder/$name"
done
`;

const PROGRAMS: Readonly<Record<string, string>> = {
  'pkg-map': PKG_MAP,
  'svc-map': SVC_MAP,
  'install-packages': INSTALL_PACKAGES,
  'map-packages': MAP_PACKAGES,
  'dib-python': DIB_PYTHON,
  'dib-init-system': DIB_INIT_SYSTEM,
  'dib-run-parts': DIB_RUN_PARTS,
};
