import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../../src/host/process.ts';
import { cloudConfig, onceAtBoot, sshdConfig } from '../parts.ts';
import type { Plot } from '../planting.ts';
import { defect, type GuestMutation } from '../types.ts';

const HASH = `$6$saltsalt$${'qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/'}`;
const MACHINE_ID = 'b08dfa6083e7567a1921a715000001fb';

/** Defects of who gets in. */
export const ACCESS: readonly GuestMutation[] = [
  defect(
    [
      'root-password',
      'a password of root',
      /root has a password/,
      plot => plot.edit('/etc/shadow', text => text.replace(/^root:[^:]*:/m, `root:${HASH}:`), 0o640),
    ],
    { also: ['passwords'] },
  ),
  defect([
    'passwords',
    'an account without a password',
    /opens games/,
    plot => plot.edit('/etc/shadow', text => text.replace(/^games:[^:]*:/m, 'games::'), 0o640),
  ]),
  defect([
    'password-login',
    'an sshd that takes passwords',
    /sshd takes passwords/,
    plot => sshdConfig(plot, 'passwords', 'PasswordAuthentication yes'),
  ]),
  defect([
    'root-login',
    "the default user's key for root",
    /opens root/,
    async plot => {
      await sshdConfig(plot, 'root', 'PermitRootLogin prohibit-password');
      await cloudConfig(plot, 'root', { disable_root: false });
    },
  ]),
  defect([
    'accounts',
    'an account with a shell',
    /admin/,
    plot => plot.edit('/etc/passwd', text => `${text}admin:x:1500:100::/home/admin:/bin/bash\n`),
  ]),
  defect([
    'authorized-keys',
    'a key for the backups',
    /\/var\/backups\/\.ssh\/authorized_keys/,
    plot => plot.file('/var/backups/.ssh/authorized_keys', 'ssh-ed25519 AAAAC3NzaSTRANGER x\n', 0o600),
  ]),
  defect([
    'hygiene',
    'a shell that makes its caller root, written at boot',
    /set-id: \/usr\/local\/bin\/app-shell: an unknown program/,
    plot => onceAtBoot(plot, 'app-shell-maker', 'install -m 4755 /bin/sh /usr/local/bin/app-shell'),
  ]),
  defect([
    'twins',
    'a machine id for all',
    /same machine id/,
    plot => plot.file('/etc/machine-id', `${MACHINE_ID}\n`, 0o444),
  ]),
  defect(['twins', 'a host key for all', /same ssh host keys/, hostKey]),
];

async function hostKey(plot: Plot): Promise<void> {
  const key = join(plot.folder, 'host-key');
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  await cloudConfig(plot, 'keys', { ssh_deletekeys: false });
  await plot.file('/etc/ssh/ssh_host_ed25519_key', await readFile(key, 'utf8'), 0o600);
  await plot.file('/etc/ssh/ssh_host_ed25519_key.pub', await readFile(`${key}.pub`, 'utf8'));
}
