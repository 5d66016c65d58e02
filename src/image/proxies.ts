/** Variables that programs take a proxy from, set in a file that shells or PAM read. */
const VARIABLE = /^[ \t]*(?:export[ \t]+)?(?:https?|ftp|all|no|rsync)_proxy[ \t]*=.*\n?/gim;

/** apt's settings of a proxy: with their whole name, or within a block. */
const APT_SETTING = /(?:[\w:-]*::)?Proxy(?:-?Auto-?Detect)?(?:::[\w.-]+)?\s+"[^"]*"\s*;\n?/gi;

/**
 * A file of settings without the proxies in it: one of the build host's leads nowhere from a guest.
 * @param path from the root without a leading slash
 */
export function withoutProxies(path: string, content: string): string {
  return content.replace(path.startsWith('etc/apt/') ? APT_SETTING : VARIABLE, '');
}
