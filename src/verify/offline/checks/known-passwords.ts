import type { Context } from '../../../host/context.ts';
import { HostError } from '../../../host/errors.ts';
import { run } from '../../../host/process.ts';

/** What is tried first by whoever tries. */
const KNOWN = [
  ...[
    '',
    'password',
    'passw0rd',
    'Password1',
    'root',
    'toor',
    'admin',
    'administrator',
    'changeme',
    'secret',
  ],
  ...['123456', '12345678', '1234', 'qwerty', 'letmein', 'welcome', 'test', 'guest', 'default', 'cloud'],
  ...[
    'debian',
    'ubuntu',
    'devuser',
    'openstack',
    'linux',
    'cloud-init',
    'image-factory',
    'cubswin:)',
    'gocubsgo',
  ],
];

/** crypt(3) of the C library knows every kind of hash that an image can carry; perl is on every Debian. */
const TRY =
  'my $hash = <STDIN>; chomp $hash; while (my $word = <STDIN>) { chomp $word; my $made = crypt($word, $hash); exit 7 if defined $made && $made eq $hash } exit 0';

/** Whether a crypt(3) hash is that of a password that everybody tries, or of the user's own name. */
export async function isKnownPassword(context: Context, user: string, hash: string): Promise<boolean> {
  try {
    const input = `${[hash, ...KNOWN, user].join('\n')}\n`;
    const options = { input, signal: context.signal, accept: [0, 7] };
    return (await run(['perl', '-e', TRY], options)).status === 7;
  } catch (error) {
    if (error instanceof HostError) return false;
    throw error;
  }
}
