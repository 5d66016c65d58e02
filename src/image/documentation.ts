/** Documentation that packages bring: an image has it where it was asked for. */

/**
 * dpkg's rules for what it does not unpack; as in fnmatch(3) a star takes slashes too, and the last rule that matches
 * counts. Copyrights and what Debian changed stay, which licences and `diff` need. So do the manual's sections: scripts
 * that put links there want the directories.
 */
const RULES = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-include=/usr/share/doc/*/changelog.Debian*',
  'path-exclude=/usr/share/doc-base/*',
  'path-exclude=/usr/share/gtk-doc/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/man/*/*',
];

/**
 * The same while packages are installed: a package of Debian's own has what it changed in the file that others have their
 * upstream's changes in.
 */
export const BUILD_RULES = [...RULES, 'path-include=/usr/share/doc/*/changelog.gz'];

/** Where an image says that it is without, also to dpkg when packages are upgraded. */
export const RULES_FILE = '/etc/dpkg/dpkg.cfg.d/no-documentation';

/** Text of that file. */
export const RULES_TEXT = [
  '# This image was built without documentation. To have it, remove this file and install packages again:',
  '#   apt-get install --reinstall PACKAGE',
  ...RULES,
  '',
].join('\n');

/**
 * Shell: takes out of a tree what BUILD_RULES have let through for want of knowing better: upstreams' changes, and what
 * leads nowhere. Run in the tree.
 */
export const CLEAR_REST = `set -eu
cd /usr/share/doc
set --
for each in */changelog.gz; do
  for own in "\${each%/*}"/changelog.Debian*; do
    if [ -e "$own" ]; then set -- "$@" "$each"; break; fi
  done
done
rm -f -- "$@"
find . -xtype l -delete
find . -mindepth 2 -type d -empty -delete
`;

/**
 * Shell function: takes out of an unpacked package what dpkg would not unpack under BUILD_RULES.
 * without_documentation FOLDER
 */
export const WITHOUT_DOCUMENTATION = `without_documentation() {
  share=$1/usr/share
  for each in doc-base gtk-doc info; do [ ! -d "$share/$each" ] || find "$share/$each" -mindepth 1 -delete; done
  [ ! -d "$share/man" ] || find "$share/man" -mindepth 2 -delete
  [ ! -d "$share/doc" ] || find "$share/doc" -type f ! -path "$share/doc/*/copyright" \\
    ! -path "$share/doc/*/changelog.Debian*" ! -path "$share/doc/*/changelog.gz" -delete
}
`;
