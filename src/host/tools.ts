import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getExecOutput } from '@actions/exec';
import type { Context } from './context.ts';
import { HostError, NetworkError } from './errors.ts';
import { plainEnvironment } from './process.ts';

/** A program or file the host must have, and the Debian package that brings it. */
export interface HostTool {
  /** A program's name, or an absolute path. */
  readonly needs: string;
  readonly package: string;
}

const tool = (needs: string, packageName = needs): HostTool => ({ needs, package: packageName });

/** By the work that needs them. */
export const TOOLS = {
  build: [
    tool('mmdebstrap'),
    tool('unshare', 'util-linux'),
    tool('xz', 'xz-utils'),
    tool('/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'),
  ],
  verify: [
    tool('qemu-system-x86_64', 'qemu-system-x86'),
    tool('qemu-img', 'qemu-utils'),
    tool('/usr/share/OVMF/OVMF_CODE_4M.fd', 'ovmf'),
    tool('ssh', 'openssh-client'),
    tool('ssh-keygen', 'openssh-client'),
    tool('mkfs.vfat', 'dosfstools'),
    tool('mcopy', 'mtools'),
    tool('setpriv', 'util-linux'),
    tool('e2fsck', 'e2fsprogs'),
  ],
  xfs: [tool('xfs_repair', 'xfsprogs')],
  digest: [tool('qemu-img', 'qemu-utils')],
  deploy: [tool('blkdiscard', 'util-linux'), tool('blockdev', 'util-linux')],
} as const satisfies Record<string, readonly HostTool[]>;

const PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Those of the tools that are not there. */
export async function missingTools(tools: readonly HostTool[]): Promise<HostTool[]> {
  const present = await Promise.all(tools.map(each => isThere(each.needs)));
  return tools.filter((_, index) => !present[index]);
}

async function isThere(needs: string): Promise<boolean> {
  const candidates = needs.startsWith('/') ? [needs] : PATH.map(folder => join(folder, needs));
  const found = await Promise.all(
    candidates.map(path =>
      access(path, needs.startsWith('/') ? constants.R_OK : constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

/**
 * Makes sure that the tools are there: installs the missing ones when it may, else says in one message which
 * are missing and what brings them.
 * @param install whether packages may be installed
 * @throws HostError naming every missing tool
 */
export async function requireTools(
  context: Context,
  tools: readonly HostTool[],
  options: { install: boolean; root: () => Promise<readonly string[]> },
): Promise<void> {
  const missing = await missingTools(tools);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(each => each.package))].sort();
  const names = missing.map(each => each.needs).join(', ');
  if (!options.install || !(await hasApt())) {
    throw new HostError(`this host lacks ${names}`, { advice: `apt-get install ${packages.join(' ')}` });
  }
  context.log.info(`installing what this host lacks: ${packages.join(' ')}`);
  await install(context, packages, await options.root());
  const still = await missingTools(tools);
  if (still.length > 0) {
    throw new HostError(
      `${still.map(each => each.needs).join(', ')} is still missing after the installation`,
      {
        advice: `look at the packages ${packages.join(' ')}`,
      },
    );
  }
}

async function hasApt(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(?:_LIKE)?=.*(debian|ubuntu)/m.test(release) && (await isThere('apt-get'));
}

async function install(
  context: Context,
  packages: readonly string[],
  root: readonly string[],
): Promise<void> {
  const progress = context.log.progress('installing packages');
  const options = ['-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=120'];
  const apt = [...root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...options];
  for (const step of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const [program = '', ...rest] = [...apt, ...step];
    const result = await getExecOutput(program, rest, {
      env: plainEnvironment(),
      silent: true,
      ignoreReturnCode: true,
      listeners: { stdline: line => progress.update(0, line.slice(0, 60)) },
    });
    if (result.exitCode === 0) continue;
    const why = /^E: .*$/m.exec(result.stderr)?.[0] ?? `status ${result.exitCode}`;
    throw new NetworkError(`apt-get ${step[0]} failed: ${why}`, {
      advice: `install by hand: ${packages.join(' ')}`,
    });
  }
  progress.end();
}
