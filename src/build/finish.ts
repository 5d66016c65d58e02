import type { Sandbox } from '../host/sandbox/sandbox.ts';
import { GRUB_FILES } from '../image/assemble.ts';
import { inChroot } from './chroot.ts';
import { debianSources, mirrorAt, type Source, sourcesFor } from './distributions/debian.ts';

/** The last touches to the tree by the engine itself. */

export const ROOT_LABEL = 'cloudimg-rootfs';

export const FSTAB = `LABEL=${ROOT_LABEL} / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1
LABEL=UEFI /boot/efi vfat umask=0077 0 1
`;

/**
 * After the finalise phase: GRUB's files, and the package sources that the image is left with.
 * @param mirror address from the factory file; absent: the distribution's own public mirror
 */
export async function afterFinalise(
  sandbox: Sandbox,
  options: { suite: string; mirror?: string; build: readonly Source[] },
): Promise<void> {
  await inChroot(sandbox, ['sh', '-c', GRUB_FILES]);
  const sources = await imageSources(sandbox, options);
  await writeInTree(sandbox, '/etc/apt/sources.list.d/debian.sources', debianSources(sources));
  await inChroot(sandbox, [
    ...[
      'rm',
      '-f',
      '/etc/apt/sources.list',
      '/etc/apt/sources.list.d/0000stdin.list',
      '/etc/apt/sources.list.d/0000main.list',
    ],
    ...['/etc/apt/apt.conf.d/99mmdebstrap', '/etc/dpkg/dpkg.cfg.d/99mmdebstrap'],
  ]);
}

async function imageSources(
  sandbox: Sandbox,
  { suite, mirror, build }: { suite: string; mirror?: string; build: readonly Source[] },
): Promise<readonly Source[]> {
  if (mirror !== undefined) return sourcesFor(suite, mirrorAt(mirror, 'mirror.image'));
  const configuration = await inChroot(sandbox, ['cat', '/etc/cloud/cloud.cfg'], { accept: [0, 1] });
  const own = publicMirror(configuration.stdout);
  return own === undefined ? build : sourcesFor(suite, own);
}

/**
 * The distribution's own public mirror, as its cloud-init package names it (package_mirrors, failsafe); so no
 * host's name stands in this code, and the image is not left with the build host's mirror.
 */
export function publicMirror(configuration: string) {
  const [, archive] = /^\s+primary:\s*(https?:\S+)\s*$/m.exec(configuration) ?? [];
  const [, security] = /^\s+security:\s*(https?:\S+)\s*$/m.exec(configuration) ?? [];
  if (archive === undefined) return undefined;
  const plain = (address: string) => address.replace(/\/+$/, '');
  return { archive: plain(archive), security: plain(security ?? `${plain(archive)}-security`) };
}

async function writeInTree(sandbox: Sandbox, path: string, text: string): Promise<void> {
  await inChroot(sandbox, ['sh', '-c', 'rm -f "$1"; cat > "$1"; chmod 644 "$1"', 'write', path], {
    input: text,
  });
}
