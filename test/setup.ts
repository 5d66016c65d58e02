import { createContext } from '../src/host/context.ts';
import { silentLog } from '../src/host/log.ts';
import { rootPrefix } from '../src/host/privilege.ts';
import { requireTools, TOOLS } from '../src/host/tools.ts';

/** What the tests judge by, beside what the program itself needs. */
const JUDGES = [
  { needs: 'gpg', package: 'gpg' },
  { needs: 'gpgv', package: 'gpgv' },
  { needs: 'gpg-agent', package: 'gpg-agent' },
  { needs: 'hashdeep', package: 'hashdeep' },
  { needs: 'sfdisk', package: 'fdisk' },
  { needs: 'mke2fs', package: 'e2fsprogs' },
  { needs: 'debugfs', package: 'e2fsprogs' },
  { needs: 'sudo', package: 'sudo' },
  { needs: 'git', package: 'git' },
  { needs: 'ps', package: 'procps' },
  { needs: 'fallocate', package: 'util-linux' },
  { needs: '/usr/bin/setfattr', package: 'attr' },
  { needs: '/etc/ssl/certs/ca-certificates.crt', package: 'ca-certificates' },
];

/** Before all tests: installs what this machine lacks, unless it may not. */
export async function setup(): Promise<void> {
  const log = { ...silentLog, info: (line: string) => console.log(line) };
  const context = createContext({ log, env: process.env });
  await requireTools(context, [...TOOLS.build, ...TOOLS.verify, ...JUDGES], {
    install: process.env.IMAGE_FACTORY_INSTALL_TOOLS !== 'false',
    root: rootPrefix,
  });
}
