import type { Plot } from './planting.ts';
import { caughtBy, type Mutation } from './types.ts';

const SHELL = '#!/bin/sh\nexec /bin/sh\n';
/** CAP_SETUID, permitted and effective, in the second version of the format. */
const CAPABILITY = ['\\001\\000\\000\\002', '\\200', ...Array.from({ length: 15 }, () => '\\000')].join('');
const APP_LIST = '/etc/apt/sources.list.d/app.list';

const source = (option: string, archive: string) => `deb [${option}] ${archive} bookworm main\n`;

/** Rights, packages and where packages come from. */
export const SYSTEM_MUTATIONS: readonly Mutation[] = [
  ...caughtBy('world-writable', [
    [
      'a script that everybody may write',
      /\/etc\/profile\.d\/app\.sh/,
      plot => plot.file('/etc/profile.d/app.sh', 'true\n', 0o666),
    ],
    [
      'a folder that everybody may write',
      /\/opt\/shared: everybody/,
      plot => plot.folderWith('/opt/shared', 0o1777),
    ],
  ]),
  ...caughtBy('set-id', [
    [
      'a setuid shell',
      /\/usr\/local\/bin\/rootsh: an unknown program with setuid/,
      plot => plot.file('/usr/local/bin/rootsh', SHELL, 0o4755),
    ],
    [
      'a program with a capability',
      /\/usr\/local\/bin\/capsh: .* capability/,
      async plot => {
        await plot.file('/usr/local/bin/capsh', SHELL, 0o755);
        plot.request(`ea_set /usr/local/bin/capsh security.capability "${CAPABILITY}"`);
      },
    ],
    [
      'su that belongs to a user',
      /\/usr\/bin\/su: .* user 1000 owns/,
      plot => plot.set('/usr/bin/su', 'uid', '1000'),
    ],
  ]),
  ...caughtBy('package-files', [
    [
      'a changed program of a package',
      /\/usr\/bin\/which\.debianutils/,
      plot => plot.edit('/usr/bin/which.debianutils', text => `${text}# patched\n`, 0o755),
    ],
    ['a lost file of a package', /\/usr\/sbin\/zic: it is gone/, plot => plot.remove('/usr/sbin/zic')],
  ]),
  ...caughtBy('hardening', [
    [
      "a kernel's log for everybody, which the version before kept to root",
      /dmesg-restrict: version earlier had it/,
      plot => plot.file('/etc/sysctl.d/99-app.conf', 'kernel.dmesg_restrict = 0\n'),
    ],
    [
      'a root login that the version before refused',
      /ssh-root: version earlier had it/,
      plot => plot.file('/etc/ssh/sshd_config.d/10-app.conf', 'PermitRootLogin yes\n', 0o600),
    ],
  ]),
  ...caughtBy('security-updates', [
    [
      'a package that was mended since',
      /^tzdata: 2000a-1 is there, \S+ mends it$/,
      plot =>
        plot.edit('/var/lib/dpkg/status', text =>
          text.replace(/^(Package: tzdata\n(?:.+\n)*?Version: ).*$/m, '$12000a-1'),
        ),
    ],
  ]),
  ...caughtBy('package-sources', [
    [
      'a package source that needs no signature',
      /trusted lets packages in/,
      async plot => plot.file(APP_LIST, source('trusted=yes', await ownArchive(plot))),
    ],
    [
      'a package source of a stranger',
      /packages\.example\/debian is no mirror/,
      plot => plot.file(APP_LIST, source('arch=amd64', 'http://packages.example/debian')),
    ],
    [
      'a key that signs for every source',
      /trusted\.gpg\.d\/app\.asc: a key of no package/,
      plot => plot.file('/etc/apt/trusted.gpg.d/app.asc', 'a key\n'),
    ],
    [
      'an apt that takes what nobody signed',
      /AllowUnauthenticated true/,
      plot => plot.file('/etc/apt/apt.conf.d/99app', 'APT::Get::AllowUnauthenticated "true";\n'),
    ],
    [
      'no package source at all',
      /it names no package source/,
      plot => plot.file('/etc/apt/sources.list.d/debian.sources', ''),
    ],
  ]),
];

async function ownArchive(plot: Plot): Promise<string> {
  return /^URIs: (\S+)/m.exec(await plot.read('/etc/apt/sources.list.d/debian.sources'))?.[1] ?? '';
}
