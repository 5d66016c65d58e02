import type { ImageContent } from '../../image/content.ts';

/** What sysctl.d(5) sets at boot: of files with one name /etc wins, and of a key's values the last. */
export async function sysctlSettings(content: ImageContent): Promise<(key: string) => string | undefined> {
  const byName = new Map<string, string>();
  for (const folder of ['/usr/lib/sysctl.d', '/etc/sysctl.d']) {
    for (const path of content.below(folder)) {
      if (path.endsWith('.conf')) byName.set(path.slice(path.lastIndexOf('/') + 1), path);
    }
  }
  const exact = new Map<string, string>();
  const globs = new Map<string, string>();
  for (const [, path] of [...byName].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [, key = '', value = ''] of ((await content.text(path)) ?? '').matchAll(SYSCTL)) {
      (key.includes('*') ? globs : exact).set(key.replaceAll('/', '.'), value.trim());
    }
  }
  // A key that is named outright is not for a pattern to change, whatever the order.
  return key => exact.get(key) ?? [...globs].findLast(([glob]) => matches(glob, key))?.[1];
}

const SYSCTL = /^\s*-?([\w./*-]+)\s*=\s*(.*)$/gm;

function matches(glob: string, key: string): boolean {
  const parts = glob.split('*').map(part => part.replaceAll('.', '\\.'));
  return new RegExp(`^${parts.join('[^.]*')}$`).test(key);
}

const SSHD_CONFIG = '/etc/ssh/sshd_config';

/** What sshd_config(5) says outside of Match: the first value of a keyword counts, includes read where they stand. */
export async function sshdSettings(content: ImageContent): Promise<(keyword: string) => string | undefined> {
  const found = new Map<string, string>();
  const read = async (path: string): Promise<void> => {
    for (const line of ((await content.text(path)) ?? '').split('\n')) {
      const [, keyword = '', value = ''] = /^\s*([A-Za-z]\w*)[\s=]+(.*?)\s*$/.exec(line) ?? [];
      const key = keyword.toLowerCase();
      if (key === 'match') return;
      if (key === 'include') for (const each of included(content, value)) await read(each);
      else if (key !== '' && !found.has(key)) found.set(key, value.replace(/^"(.*)"$/, '$1'));
    }
  };
  await read(SSHD_CONFIG);
  return keyword => found.get(keyword.toLowerCase());
}

function included(content: ImageContent, pattern: string): string[] {
  const absolute = pattern.startsWith('/') ? pattern : `/etc/ssh/${pattern}`;
  const folder = absolute.slice(0, absolute.lastIndexOf('/'));
  const ending = /\/\*(\.\w+)?$/.exec(absolute);
  if (ending === null) return [absolute];
  // An include never reads itself: it names a folder beside the file.
  return content
    .below(folder)
    .filter(path => path !== SSHD_CONFIG && path.endsWith(ending[1] ?? ''))
    .sort();
}
