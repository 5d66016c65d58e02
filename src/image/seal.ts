import { allowedLogins, type Logins, NO_LOGINS } from './logins.ts';
import { withoutProxies } from './proxies.ts';

/**
 * What an image must not carry from its build: everything that ties it to one instance, to the build host or
 * to its secrets. This one list is what the build applies to the tree, what the inspection of the finished
 * image looks for, and what the checks in a running guest use.
 */
export interface SealRule {
  /**
   * Paths from the root without a leading slash; `*` is any text within one name, `**` at the end is
   * everything below.
   */
  readonly paths: readonly string[];
  /** Which entries: everything, or regular files only (a link or directory may stay). */
  readonly of: 'any' | 'files';
  /**
   * `absent`: not there; `empty`: there, without content; `asked`: of logins only what the factory file's `user` asks for,
   * of proxies nothing.
   */
  readonly wanted: 'absent' | 'empty' | 'asked';
  /** What would go wrong with it. */
  readonly why: string;
  /** Whether it must not leave the build host at all, not even in a cache. */
  readonly secret?: boolean;
}

const rule = (wanted: SealRule['wanted'], of: SealRule['of'], why: string, ...paths: string[]): SealRule => ({
  paths,
  of,
  wanted,
  why,
});

const secret = (...words: Parameters<typeof rule>): SealRule => ({ ...rule(...words), secret: true });

/** Of files that programs look for a proxy in. */
const PROXIES = rule(
  'asked',
  'files',
  'a proxy of the build, which no guest reaches',
  ...['etc/environment', 'etc/profile.d/*', 'etc/apt/apt.conf', 'etc/apt/apt.conf.d/*'],
);

/** The first rule that names a path decides. */
export const SEAL: readonly SealRule[] = [
  rule('empty', 'files', 'two instances would be the same machine', 'etc/machine-id'),
  rule('absent', 'files', 'two instances would be the same machine', 'var/lib/dbus/machine-id'),
  rule('absent', 'any', 'every instance would have the same host keys', 'etc/ssh/ssh_host_*'),
  rule('absent', 'any', 'every instance would sign kernel modules by the same key', 'var/lib/dkms/mok.*'),
  rule(
    'absent',
    'any',
    'instances would start from the same randomness',
    'var/lib/systemd/random-seed',
    'var/lib/urandom/random-seed',
    'var/lib/systemd/credential.secret',
    'boot/efi/loader/random-seed',
  ),
  rule(
    'absent',
    'any',
    'an instance would ask for the address of another',
    'var/lib/dhcp/*.lease*',
    'var/lib/dhcpcd/*.lease*',
    'var/lib/NetworkManager/*',
    'var/lib/systemd/network/**',
    'etc/udev/rules.d/70-persistent-*',
  ),
  // Not `seed`, `handlers` and `scripts`, which cloud-init reads and does not write.
  rule(
    'absent',
    'any',
    'cloud-init would take the instance for an old one',
    'var/lib/cloud/instance',
    'var/lib/cloud/instances/**',
    'var/lib/cloud/data/**',
    'var/lib/cloud/sem/**',
  ),
  rule(
    'empty',
    'files',
    'logins of the build',
    'var/log/wtmp',
    'var/log/btmp',
    'var/log/lastlog',
    'var/log/faillog',
  ),
  rule('absent', 'files', 'the logs of the build', 'var/log/**'),
  secret(
    'absent',
    'any',
    'what a person typed in the build',
    ...['.bash_history', '.*_history', '.viminfo', '.lesshst', '.wget-hsts', '.python_history'].flatMap(
      name => [`root/${name}`, `home/*/${name}`],
    ),
  ),
  secret(
    'absent',
    'any',
    'a key that opens every instance',
    'root/.ssh/**',
    'var/lib/*/.ssh/authorized_keys*',
  ),
  secret('asked', 'any', 'a key that opens every instance', 'home/*/.ssh/authorized_keys*'),
  secret(
    'asked',
    'files',
    'a password that opens every instance',
    ...['passwd', 'shadow', 'gshadow'].map(name => `etc/${name}`),
  ),
  rule('absent', 'files', 'the resolver of the build host', 'etc/resolv.conf'),
  rule('absent', 'any', 'the name of the build host', 'etc/hostname', 'etc/mailname'),
  secret(
    'absent',
    'any',
    'proxies and credentials of the build',
    'etc/apt/apt.conf.d/*proxy*',
    'etc/apt/auth.conf',
    'etc/apt/auth.conf.d/**',
    'root/.netrc',
    'root/.gnupg/**',
    'root/.docker/**',
    'root/.aws/**',
    'root/.config/**',
  ),
  rule('absent', 'any', 'leftovers of the build', 'etc/apt/apt.conf.d/99mmdebstrap'),
  PROXIES,
  rule(
    'absent',
    'any',
    'package caches, which are old when an instance starts',
    'var/lib/apt/lists/**',
    'var/cache/apt/*.bin',
    'var/cache/apt/archives/**',
    'var/cache/debconf/*-old',
    'var/cache/man/**',
    'var/cache/ldconfig/**',
    'root/.cache/**',
  ),
  rule(
    'absent',
    'any',
    'leftovers of the build',
    'tmp/**',
    'var/tmp/**',
    'run/**',
    'dev/**',
    'usr/sbin/policy-rc.d',
    'etc/.pwd.lock',
    ...['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'].map(name => `etc/${name}-`),
    'var/lib/dpkg/*-old',
    'var/backups/**',
    'var/mail/*',
    'etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  ),
];

/** One entry of a tree; `f` is a regular file, `d` a directory. */
export interface Sealable {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  /** Of files whose rule is `asked`; absent: it could not be read. */
  readonly content?: string;
}

export interface SealFinding {
  readonly path: string;
  readonly rule: SealRule;
}

/** Whether a rule looks into a file. */
export function isJudged(entry: Omit<Sealable, 'content'>): boolean {
  return entry.type === 'f' && ruleFor(entry.path)?.wanted === 'asked';
}

/** The entries that are not as the list wants them. */
export function findUnsealed(entries: Iterable<Sealable>, asked: Logins = NO_LOGINS): SealFinding[] {
  const findings: SealFinding[] = [];
  for (const entry of entries) {
    const rule = ruleFor(entry.path);
    if (rule === undefined || (rule.of === 'files' && entry.type !== 'f')) continue;
    if (rule.wanted === 'empty' && entry.size === 0) continue;
    if (rule.wanted === 'asked' && isAllowed(entry, asked)) continue;
    findings.push({ path: entry.path, rule });
  }
  return findings;
}

function isAllowed({ path, type, content }: Sealable, asked: Logins): boolean {
  return type === 'f' && content !== undefined && allowedContent(path, content, asked) === content;
}

/** What is left of a file whose rule is `asked`. */
export function allowedContent(path: string, content: string, asked: Logins): string {
  return ruleFor(path) === PROXIES ? withoutProxies(path, content) : allowedLogins(path, content, asked);
}

/** The rule that speaks of a path, relative to the root. */
export function ruleFor(path: string): SealRule | undefined {
  return PATTERNS.find(({ pattern }) => pattern.test(path))?.rule;
}

const PATTERNS = SEAL.map(each => ({
  rule: each,
  pattern: new RegExp(`^(?:${each.paths.map(translate).join('|')})$`, 's'),
}));

function translate(path: string): string {
  return path
    .split('/')
    .map(name =>
      name === '**'
        ? '.+'
        : name
            .split('*')
            .map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
            .join('[^/]*'),
    )
    .join('/');
}
