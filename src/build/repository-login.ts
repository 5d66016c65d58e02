import type { Repository } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import type { Chroot, ScriptOptions } from './chroot.ts';

/** Where apt finds it while it needs it: memory, which no tree, layer or image holds. */
const PLACE = '/run/image-factory/login';

/** Runs a command as long as the file is there. */
const WITH_LOGIN = `set -eu
place=$1; shift
umask 077
trap 'rm -f "$place"' EXIT
cat > "$place"
"$@" < /dev/null
`;

/** Who a package repository takes us for. The secret is in no text that this object makes of itself. */
export class Login {
  /** Where it came from. */
  readonly variable: string;
  readonly #user: string;
  readonly #password: string;

  private constructor(variable: string, user: string, password: string) {
    this.variable = variable;
    this.#user = user;
    this.#password = password;
  }

  /**
   * The login of a repository that names one; the log masks it from here on.
   * @throws DefinitionError when its variable does not hold LOGIN:PASSWORD
   */
  static of(context: Context, { name, credentials }: Repository): Login | undefined {
    if (credentials === undefined) return undefined;
    const value = context.env[credentials]?.trim() ?? '';
    const wrong = (what: string) =>
      new DefinitionError(`repository ${name} needs a login, and ${credentials} ${what}`, {
        advice: `set ${credentials} to LOGIN:PASSWORD in the environment of the build`,
      });
    if (value === '') throw wrong('is not set');
    const [, user, password] = /^([^:\s]+):(\S+)$/.exec(value) ?? [];
    if (user === undefined || password === undefined)
      throw wrong('is no LOGIN:PASSWORD, both without white space');
    const login = new Login(credentials, user, password);
    for (const secret of login.secrets()) context.log.secret(secret);
    return login;
  }

  /** For a request of our own. */
  authorization(): string {
    return `Basic ${this.#basic()}`;
  }

  /** A line of auth.conf(5). A machine with its scheme is the only one that apt takes for plain http. */
  aptLine({ uri }: Pick<Repository, 'uri'>): string {
    return `machine ${uri} login ${this.#user} password ${this.#password}\n`;
  }

  /** What may stand in no log, the longest first. */
  secrets(): string[] {
    const password = this.#password;
    const forms = [`${this.#user}:${password}`, this.#basic(), encodeURIComponent(password), password];
    return [...new Set(forms)].sort((one, two) => two.length - one.length);
  }

  #basic(): string {
    return Buffer.from(`${this.#user}:${this.#password}`).toString('base64');
  }
}

/** apt-get in the tree, with these lines of auth.conf(5) for as long as it runs. */
export async function aptWithLogins(
  chroot: Chroot,
  lines: string,
  words: readonly string[],
  options: Pick<ScriptOptions, 'onLine'>,
): Promise<void> {
  const command = ['apt-get', '-o', `Dir::Etc::netrc=${PLACE}`, ...words];
  await chroot.inside(['sh', '-c', WITH_LOGIN, 'login', PLACE, ...command], { ...options, input: lines });
}
