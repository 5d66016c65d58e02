import { patientApt } from '../host/apt.ts';
import { ElementError, NetworkError } from '../host/errors.ts';
import { plainEnvironment, ToolError } from '../host/process.ts';
import { tellsOfFullDisk } from '../host/room.ts';
import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { BUILD_RULES } from '../image/documentation.ts';
import type { Content } from '../image/volume.ts';
import type { Pins } from './archive/closure.ts';
import { TREE } from './chroot.ts';

/** Where the tree's apt reads the versions that are asked for; gone when the tree is done. */
export const PINS = '/etc/apt/preferences.d/image-factory-pins';

/**
 * mmdebstrap into the tree, with the shared downloads linked in and new ones linked out again. Only the
 * packages' own scripts run here, never an element's, so an element cannot touch the shared downloads. The folder
 * of this build's own downloads is locked while it is in use; those without a lock are of dead builds.
 */
const BOOTSTRAP = `set -eu
tree=$1; shared=$2; own=$shared/.own$3; fstab=$4; pins=$5; filesystem=$6; shift 6
mkdir -p "$tree" "$shared/archives"
mkdir -p "$tree/var/cache/apt/archives" "$tree/etc/initramfs-tools/conf.d"
printf '%s' "$fstab" > "$tree/etc/fstab"
echo "FSTYPE=$filesystem" > "$tree/etc/initramfs-tools/conf.d/root-filesystem"
if [ -n "$pins" ]; then
  mkdir -p "$tree$(dirname "${PINS}")"
  printf '%s' "$pins" > "$tree${PINS}"
fi
exec 8< "$shared"
flock 8
for dead in "$shared"/.own*; do
  if [ -d "$dead" ]; then flock --nonblock "$dead" rm -rf "$dead" || true; fi
done
mkdir "$own"
exec 9< "$own"
flock 9
exec 8<&-
find "$shared/archives" -maxdepth 1 -name '*.deb' -exec ln -t "$own" {} +
mount --bind "$own" "$tree/var/cache/apt/archives"
status=0
"$@" || status=$?
umount "$tree/var/cache/apt/archives"
find "$own" -maxdepth 1 -name '*.deb' -exec ln -f -t "$shared/archives" {} + || true
rm -rf "$own"
exit $status
`;

export interface BootstrapRequest {
  readonly suite: string;
  readonly packages: readonly string[];
  /** Lines of a sources.list. */
  readonly sources: string;
  /** Text of /etc/fstab: there from the first, since the one initramfs is made by what it says. */
  readonly fstab: string;
  /** Of the root. */
  readonly filesystem: Content;
  /** Whether packages' documentation comes with them. */
  readonly documentation: boolean;
  /** Text of apt's preferences; empty: of each package the newest version. */
  readonly preferences: string;
  /** Unique name of this build among those that share the downloads. */
  readonly name: string;
  /** Seconds that the mirror may keep us waiting. */
  readonly patience: number;
  readonly onLine: (line: string) => void;
}

/** Text of apt's preferences; a priority above 1000 takes an older version too. */
export function pinnedPreferences(pins: Pins): string {
  return Object.entries(pins)
    .map(([name, version]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`)
    .join('\n');
}

/** Makes the root tree with all packages in one transaction. */
export async function bootstrap(sandbox: Sandbox, request: BootstrapRequest): Promise<void> {
  const rules = request.documentation ? [] : BUILD_RULES.map(rule => `--dpkgopt=${rule}`);
  const argv = [
    ...['mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory'],
    ...['check/empty', 'chroot/mount/sys', 'essential/unlink', 'cleanup/apt'].map(step => `--skip=${step}`),
    ...['--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"'],
    ...[...patientApt(request.patience), '--dpkgopt=force-unsafe-io', ...rules],
    ...(request.packages.length === 0 ? [] : [`--include=${request.packages.join(',')}`]),
    ...[request.suite, TREE, '-'],
  ];
  try {
    const { name, fstab, preferences, filesystem } = request;
    const words = [TREE, '/cache', name, fstab, preferences, filesystem];
    await sandbox.run(['sh', '-c', BOOTSTRAP, 'bootstrap', ...words, ...argv], {
      // The kernel's and initramfs-tools' own scripts would make the initramfs twice, 8 s each; the finalise
      // phase makes it once. INITRD is linux-base's word for "this kernel takes none".
      env: plainEnvironment({ HOME: '/nonexistent', TMPDIR: '/tmp', INITRD: 'No' }),
      input: request.sources,
      onLine: request.onLine,
    });
  } catch (error) {
    throw error instanceof ToolError ? explainApt(error) : error;
  }
}

/** What apt or dpkg said, as one of our errors: the mirror's fault, the host's, or a name nobody has. */
export function explainApt(error: ToolError): Error {
  const text = `${error.result.stdout}\n${error.result.stderr}`;
  const line = (pattern: RegExp) => pattern.exec(text)?.[0];
  // What it means is told where it is known which disk.
  if (tellsOfFullDisk(error)) return error;
  const unknown = line(/^E: (?:Unable to locate package|Package .* has no installation candidate).*$/m);
  if (unknown !== undefined) {
    return new ElementError(unknown.slice(3), {
      advice: 'check the packages in the factory file and its elements',
      cause: error,
    });
  }
  const dpkg = line(/^dpkg: error.*$/m);
  const network = line(networkLine('E')) ?? (dpkg === undefined ? line(networkLine('(?:W|Err)')) : undefined);
  if (network !== undefined) {
    return new NetworkError(`the package mirror did not answer as it should: ${network}`, {
      advice: 'check the mirror (factory file, --mirror, or apt on the host)',
      cause: error,
    });
  }
  const failed = dpkg ?? line(/^E: .*$/m) ?? error.message;
  return new ElementError(`packages could not be installed: ${failed}`, {
    advice: 'see the build log',
    cause: error,
  });
}

/** A line that blames the mirror; a warning alone may be of a hiccup that apt got over. */
function networkLine(level: string): RegExp {
  const reasons = [
    'Failed to fetch|Hash Sum mismatch|Could not (?:connect|resolve)|Temporary failure resolving',
    'Connection (?:failed|refused|reset|timed out)|\\b(?:404|50[0-9]) ',
    'does not have a Release file|is not signed|is expired|is not valid yet',
  ];
  return new RegExp(`^${level}: ?.*(?:${reasons.join('|')}).*$`, 'm');
}
