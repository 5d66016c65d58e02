import type { Disk, ImageLine } from '../definition/types.ts';
import { diskPlan } from '../image/plan.ts';
import { bootOf, type DiskPlan, firmwaresOf, rootOf } from '../image/volume.ts';
import { BUILD, HOOKS, TREE } from './chroot.ts';
import { DIB_LIBRARY, ELEMENT_SOURCES } from './dib.ts';
import type { Mirror } from './distributions/debian.ts';
import { ownVariables } from './own-variables.ts';

/**
 * A name for the disk in the making. It is a folder, and so are its partitions: grub-install's stand-in asks for no
 * more, and what would write to a device fails instead of writing into a file.
 */
export const BLOCK_DEVICE = '/dev/image';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface ScriptWorld {
  readonly line: ImageLine;
  readonly suite: string;
  readonly mirror: Mirror;
  /** Names of all elements of the build. */
  readonly elements: readonly string[];
  /** DIB_IMAGE_CACHE */
  readonly cache: string;
}

/**
 * The variables that diskimage-builder gives to the scripts of elements, and ours; those of the definition win.
 * Paths are as scripts outside the chroot see them.
 */
export function scriptEnvironment({
  line,
  suite,
  mirror,
  elements,
  cache,
}: ScriptWorld): Record<string, string> {
  const args = line.elements.join(' ');
  return {
    ARCH: line.architecture,
    DISTRO_NAME: line.distribution,
    DIB_RELEASE: suite,
    DIB_INIT_SYSTEM: 'systemd',
    DIB_PYTHON_VERSION: '3',
    ...places(),
    DIB_IMAGE_CACHE: cache,
    ...elementLists(elements),
    ...diskVariables(line.disk),
    ...sources(suite, mirror),
    DIB_DEBUG_TRACE: '0',
    DIB_DEFAULT_INSTALLTYPE: 'source',
    DIB_OFFLINE: '',
    DIB_CHECKSUM: '0',
    DIB_NO_TMPFS: '1',
    DIB_MIN_TMPFS: '2',
    DIB_ARGS: args,
    DIB_ENV: dibVariables({ ...line.environment, DIB_ARGS: args }),
    LC_ALL: 'C',
    DIB_PYTHON_EXEC: 'python3',
    // Python's sets, in which diskimage-builder keeps names, have an order of their own each time otherwise.
    PYTHONHASHSEED: '0',
    IMAGE_NAME: line.name,
    ...ownVariables(line),
    ...line.environment,
  };
}

/** As disk-image-create notes what it was given: the words of bash's `export`. */
function dibVariables(environment: Readonly<Record<string, string>>): string {
  const quoted = (value: string) => `"${value.replace(/["$`\\]/g, '\\$&')}"`;
  return Object.entries(environment)
    .filter(([name]) => name.startsWith('DIB_'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `declare -x ${name}=${quoted(value)}`)
    .join('\n');
}

function places(): Record<string, string> {
  return {
    TMP_BUILD_DIR: BUILD,
    TMP_IMAGE_DIR: `${BUILD}/image`,
    TMP_HOOKS_PATH: HOOKS,
    TMP_MOUNT_PATH: TREE,
    TARGET_ROOT: TREE,
    ELEMENTS_PATH: ELEMENT_SOURCES,
    DIB_LOCKFILES: `${BUILD}/lockfiles`,
    _LIB: DIB_LIBRARY,
  };
}

function elementLists(elements: readonly string[]): Record<string, string> {
  const path = (name: string) => `${ELEMENT_SOURCES}/${name}`;
  const array = elements.map(name => `[${name}]=${path(name)}`).join(' ');
  return {
    IMAGE_ELEMENT: elements.join(' '),
    IMAGE_ELEMENT_YAML: `{${elements.map(name => `${name}: ${path(name)}`).join(', ')}}`,
    // The form in which bash hands a function on.
    'BASH_FUNC_get_image_element_array%%': `() { echo "${array}"\n}`,
    'BASH_FUNC_die%%': '() { local status=$?; echo "$@"; exit $status\n}',
  };
}

/** diskimage-builder's own names of the partitions that firmware and GRUB need. */
const NODES: Readonly<Record<string, string>> = { bios: 'BSP', esp: 'ESP' };

/** diskimage-builder's word for how a disk boots; one that boots both ways is `efi` there. */
function blockDevice(plan: DiskPlan): string {
  return firmwaresOf(plan).uefi ? 'efi' : plan.table;
}

function diskVariables(disk: Disk): Record<string, string> {
  const plan = diskPlan(disk);
  const [root, boot] = [rootOf(plan), bootOf(plan)];
  const points = plan.volumes.map(each => each.mount?.point ?? '').filter(each => each.startsWith('/'));
  const devices = plan.volumes.map(({ name, number }) => {
    const node = NODES[name] ?? name;
    return `[${node}]=${number === 0 ? BLOCK_DEVICE : `${BLOCK_DEVICE}/${node}`}`;
  });
  return {
    FS_TYPE: root.content,
    ROOT_LABEL: root.label ?? '',
    DIB_ROOT_LABEL: root.label ?? '',
    DIB_ROOT_FSTYPE: root.content,
    ...(boot === root ? {} : { DIB_BOOT_LABEL: boot.label ?? '' }),
    DIB_MOUNTPOINTS: points.sort().join('|'),
    DIB_BLOCK_DEVICE: blockDevice(plan),
    IMAGE_BLOCK_DEVICE: BLOCK_DEVICE,
    IMAGE_BLOCK_DEVICES: [`[image0]=${BLOCK_DEVICE}`, ...devices].join(' '),
  };
}

/** diskimage-builder's defaults know neither the build's mirror nor where newer releases have their updates. */
function sources(suite: string, mirror: Mirror): Record<string, string> {
  const signed = `[signed-by=${KEYRING}]`;
  return {
    DIB_DISTRIBUTION_MIRROR: mirror.archive,
    DIB_DEBIAN_SECURITY_MIRROR: mirror.security,
    DIB_APT_SOURCES_CONF: [
      `default:deb ${signed} ${mirror.archive} ${suite} main`,
      `updates:deb ${signed} ${mirror.archive} ${suite}-updates main`,
      `security:deb ${signed} ${mirror.security} ${suite}-security main`,
    ].join('\n'),
  };
}
