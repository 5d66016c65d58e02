import { rm } from 'node:fs/promises';
import { FILE_FORMS } from '../src/definition/forms.ts';
import { createContext } from '../src/host/context.ts';
import { silentLog } from '../src/host/log.ts';
import { rootPrefix } from '../src/host/privilege.ts';
import { requireTools, TOOLS } from '../src/host/tools.ts';
import { toolsOf } from '../src/image/forms/index.ts';
import { SHARED } from './end-to-end/shared-image.ts';

/** What the tests judge by, beside what the program itself needs. */
const JUDGES = [
  { needs: 'gpg', package: 'gpg' },
  { needs: 'gpgv', package: 'gpgv' },
  { needs: 'gpg-agent', package: 'gpg-agent' },
  { needs: 'hashdeep', package: 'hashdeep' },
  { needs: 'jq', package: 'jq' },
  { needs: 'sfdisk', package: 'fdisk' },
  { needs: 'sgdisk', package: 'gdisk' },
  { needs: 'mke2fs', package: 'e2fsprogs' },
  { needs: 'debugfs', package: 'e2fsprogs' },
  { needs: 'mkfs.xfs', package: 'xfsprogs' },
  { needs: 'mksquashfs', package: 'squashfs-tools' },
  { needs: 'sudo', package: 'sudo' },
  { needs: 'git', package: 'git' },
  { needs: 'curl', package: 'curl' },
  { needs: 'ps', package: 'procps' },
  { needs: 'openssl', package: 'openssl' },
  { needs: 'tcc', package: 'tcc' },
  { needs: 'prove', package: 'perl' },
  { needs: 'python3', package: 'python3' },
  { needs: 'dropbear', package: 'dropbear-bin' },
  { needs: 'iperf3', package: 'iperf3' },
  { needs: 'fallocate', package: 'util-linux' },
  { needs: '/usr/bin/setfattr', package: 'attr' },
  { needs: '/etc/ssl/certs/ca-certificates.crt', package: 'ca-certificates' },
];

/** Before all tests: installs what this machine lacks, unless it may not, and names the place of what they share. */
export async function setup(): Promise<() => Promise<void>> {
  const log = { ...silentLog, info: (line: string) => console.log(line) };
  const context = createContext({ log, env: process.env });
  await requireTools(context, [...TOOLS.build, ...TOOLS.verify, ...toolsOf(FILE_FORMS), ...JUDGES], {
    install: process.env.IMAGE_FACTORY_INSTALL_TOOLS !== 'false',
    root: rootPrefix,
  });
  // As on a CI runner: no build starts from the layers of the one who runs the tests.
  process.env.CI = 'true';
  const given = process.env[SHARED];
  process.env[SHARED] = given ?? `/var/tmp/image-factory-shared-${process.pid}`;
  return async () => {
    if (given === undefined) await rm(process.env[SHARED] ?? '', { recursive: true, force: true });
  };
}
