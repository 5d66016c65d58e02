import type { Entry } from './entry.ts';

/** Variables by name, as the shell that ran disk-image-create had them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A name that smells of a secret has no place in a file that is committed. */
const SECRET = /PASSWORD|PASSWD|PASSPHRASE|PW(_|$)|SECRET|TOKEN|CREDENTIAL|PRIVATE/;

/** Variables of disk-image-create itself that have nothing to become. */
const WHY_NOT: Readonly<Record<string, string>> = {
  DIB_IMAGE_SIZE: 'the disk is just large enough and grows at first boot; disk.reserve leaves room',
  DIB_CHECKSUM: 'every bundle has SHA-256 and SHA-512 of every file',
  DIB_NO_TMPFS: 'memory is used when there is enough of it; build --work names a directory',
  DIB_MIN_TMPFS: 'memory is used when there is enough of it',
  DIB_OFFLINE: 'what is known and unchanged is not fetched again',
  DIB_IMAGE_CACHE: 'downloads are kept in the cache directory of image-factory',
  DIB_LOCKFILES: 'builds on one host do not share files that need locks',
  DIB_DEBUG_TRACE: 'build --verbose shows what scripts print; the log has it always',
  DIB_QUIET: 'the log is in the bundle',
  DIB_NO_TIMESTAMP: 'the log is in the bundle',
  DIB_SHOW_IMAGE_USAGE: 'the inventory in the bundle tells the size of every file',
  DIB_GZIP_BIN: 'image-factory brings its own tools',
  DIB_PYTHON_EXEC: 'image-factory brings its own tools',
  DIB_BLOCK_DEVICE: 'the disk is made by image-factory',
  DIB_ARGS: 'disk-image-create sets it itself',
  DIB_ENV: 'disk-image-create sets it itself',
  TMP_DIR: 'build --work names a directory',
  COMPRESS_IMAGE: 'a qcow2 is always compressed; raw is the form that is not',
  MAX_ONLINE_RESIZE: 'filesystems are made to grow already',
  OVERWRITE_OLD_IMAGE: 'nothing that was built is overwritten',
  http_proxy: 'a proxy is the build host’s; set it for the process that runs image-factory',
  https_proxy: 'a proxy is the build host’s; set it for the process that runs image-factory',
  no_proxy: 'a proxy is the build host’s; set it for the process that runs image-factory',
};

/** Read elsewhere. */
const DONE = new Set(['DIB_RELEASE', 'IMAGE_NAME']);

/** What any shell has, and no element goes by. */
const SHELL = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'PWD',
  'OLDPWD',
  'SHLVL',
  'TERM',
  'LANG',
  '_',
]);

/** @param all whether every variable was meant for the command, and not only those that its names tell */
export function carryVariables(entry: Entry, environment: Environment, all: boolean): void {
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || DONE.has(name)) continue;
    if (isOurs(name) || (all && !SHELL.has(name))) carry(entry, name, value);
  }
}

/** Of all variables of a shell, those that disk-image-create and its elements read. */
function isOurs(name: string): boolean {
  return (
    /^DIB_/.test(name) || Object.hasOwn(WHY_NOT, name) || ['ARCH', 'ELEMENTS_PATH', 'FS_TYPE'].includes(name)
  );
}

function carry(entry: Entry, name: string, value: string): void {
  const why = Object.hasOwn(WHY_NOT, name) ? WHY_NOT[name] : undefined;
  if (why !== undefined) entry.note(name, why);
  else if (SECRET.test(name)) entry.note(name, 'a secret has no place in a file that is committed');
  else if (name === 'ELEMENTS_PATH') carryPath(entry, value);
  else if (name === 'FS_TYPE') entry.set(`FS_TYPE=${value}`, ['disk', 'filesystem'], value);
  else if (name === 'ARCH') {
    if (value !== 'amd64' && value !== 'x86_64') entry.note(`ARCH=${value}`, 'image-factory builds amd64');
  } else if (name === 'DIB_JOURNAL_SIZE') entry.size(name, 'journal', value, 'MiB');
  else if (name === 'DIB_IMAGE_EXTRA_SIZE') entry.size(name, 'reserve', value, 'GiB');
  else if (name === 'DIB_BLOCK_DEVICE_CONFIG') carryBlockDevice(entry, value);
  else if (name === 'DIB_DISTRIBUTION_MIRROR' || name === 'DIB_DEBIAN_DISTRIBUTION_MIRROR')
    entry.set(name, ['mirror', 'build'], value);
  else if (/[\r\n]/.test(value))
    entry.note(name, 'its value has several lines: set it in environment.d of an element');
  else entry.set(name, ['environment', name], value);
}

function carryPath(entry: Entry, value: string): void {
  const folders = value.split(':').filter(folder => folder !== '');
  if (folders.length === 0) return;
  entry.searchIn('ELEMENTS_PATH', folders);
}

function carryBlockDevice(entry: Entry, value: string): void {
  const file = /^file:\/\/(.*)$/.exec(value)?.[1];
  if (file === undefined) entry.set('DIB_BLOCK_DEVICE_CONFIG', ['disk', 'config'], value);
  else entry.note('DIB_BLOCK_DEVICE_CONFIG', `it is the file ${file}: put its text under disk.config`);
}
