/** Who may log in to an image without its cloud's doing, as the factory file's `user` says. */
export interface Logins {
  readonly name: string;
  /** Lines of authorized_keys. */
  readonly sshKeys: readonly string[];
  /** crypt(3) hash. */
  readonly passwordHash?: string;
}

/** Nobody may. */
export const NO_LOGINS: Logins = { name: '', sshKeys: [] };

/** Password fields that no password opens. */
const CLOSED = /^(?:[!*]|!\*|!!|x)$/;

/** A file of accounts or keys that grows beyond this is not judged, bytes. */
export const LOGINS_LIMIT = 4 * 1024 * 1024;

/**
 * What a file of accounts or keys may say: authorized_keys keeps the keys that are asked for, the password fields of
 * passwd, shadow and gshadow the hash that is asked for, and all other passwords are locked.
 * @param path from the root without a leading slash
 */
export function allowedLogins(path: string, content: string, asked: Logins): string {
  if (path === `home/${asked.name}/.ssh/authorized_keys`) return allowedKeys(content, asked.sshKeys);
  if (/\/\.ssh\/authorized_keys[^/]*$/.test(path)) return '';
  return content
    .split('\n')
    .map(line => lockedLine(path, line, asked))
    .join('\n');
}

function allowedKeys(content: string, keys: readonly string[]): string {
  const lines = content.split('\n').filter(line => keys.includes(line));
  return lines.map(line => `${line}\n`).join('');
}

function lockedLine(path: string, line: string, asked: Logins): string {
  const [name, field, ...rest] = line.split(':');
  if (name === undefined || field === undefined || CLOSED.test(field)) return line;
  if (path === 'etc/shadow' && name === asked.name && field === asked.passwordHash) return line;
  return [name, path === 'etc/passwd' ? '*' : '!', ...rest].join(':');
}

/**
 * The text of shadow, in which no password was changed after a day: the tools that make accounts write down the day on
 * which they ran, and a build of tomorrow would differ.
 * @param day since 1970, whole
 */
export function changedBy(day: number, shadow: string): string {
  return shadow
    .split('\n')
    .map(line => {
      const [name = '', field = '', changed = '', ...rest] = line.split(':');
      return /^\d+$/.test(changed) && Number(changed) > day ? [name, field, day, ...rest].join(':') : line;
    })
    .join('\n');
}
