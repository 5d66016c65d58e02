import type { ImageContent } from '../../image/content.ts';
import { parseFstab } from '../../image/fstab-file.ts';
import { parseDpkgStatus } from '../../image/packages.ts';
import { sshdSettings, sysctlSettings } from './settings.ts';

/** Judges what a rule wants by the value where nobody sets one. */
type Judge = (wanted: string, unset: string | undefined) => boolean;

/** By the kind of a rule: reads what it needs of an image once. */
export const KINDS = {
  sysctl: async content => {
    const setting = await sysctlSettings(content);
    return (wanted, unset) => {
      const [key = '', value = ''] = wanted.split(/\s*=\s*/);
      const actual = Number(setting(key) ?? unset);
      // More restrictive where more is stricter; 0 is strict by itself.
      return value === '0' ? actual === 0 : actual >= Number(value);
    };
  },
  sshd: async content => {
    const setting = await sshdSettings(content);
    return (wanted, unset) => {
      const [keyword = '', value = ''] = wanted.split(' ');
      const actual = (setting(keyword) ?? unset ?? '').toLowerCase();
      return /^\d+$/.test(value) ? Number(actual) <= Number(value) : actual === value.toLowerCase();
    };
  },
  module: async content => {
    const folders = ['/usr/lib/modprobe.d', '/etc/modprobe.d'].flatMap(folder => content.below(folder));
    const text = (await Promise.all(folders.map(path => content.text(path)))).join('\n');
    const paths = [...content.entries.keys()];
    return name => {
      const there = paths.some(path => path.startsWith('/usr/lib/modules/') && path.includes(`/${name}.ko`));
      return !there || new RegExp(`^\\s*install\\s+${name}\\s+\\S*/(false|true)\\b`, 'm').test(text);
    };
  },
  login: async content => {
    const text = (await content.text('/etc/login.defs')) ?? '';
    return (wanted, unset) => {
      const [key = '', value = ''] = wanted.split(' ');
      const actual =
        [...text.matchAll(/^\s*([A-Z_]+)\s+(\S+)/gm)].findLast(([, name]) => name === key)?.[2] ?? unset;
      return Number.isNaN(Number(value)) ? actual === value : Number(actual) >= Number(value);
    };
  },
  mount: async content => {
    const rows = parseFstab((await content.text('/etc/fstab')) ?? '');
    return wanted => {
      const [point = '', options = ''] = wanted.split(' ');
      const row = rows.find(each => each.point === point);
      return row !== undefined
        ? options.split(',').every(each => row.options.includes(each))
        : isTmpfs(content, point);
    };
  },
  mode: async content => wanted => {
    const [mode = '', path = ''] = wanted.split(' ');
    const entry = content.entries.get(path);
    // Bits beyond those wanted are what is too much.
    return entry !== undefined && entry.uid === 0 && (entry.mode & 0o7777 & ~Number.parseInt(mode, 8)) === 0;
  },
  masked: async content => unit => content.entries.get(`/etc/systemd/system/${unit}`)?.target === '/dev/null',
  package: async content => {
    const installed = parseDpkgStatus((await content.text('/var/lib/dpkg/status')) ?? '');
    return name => installed.every(each => each.name !== name);
  },
} as const satisfies Record<string, (content: ImageContent) => Promise<Judge>>;

/** systemd's own tmp.mount is nosuid and nodev; it is used where something wants it, as Debian 13 does. */
function isTmpfs(content: ImageContent, point: string): boolean {
  if (point !== '/tmp' || content.entries.get('/etc/systemd/system/tmp.mount')?.target === '/dev/null')
    return false;
  const wants = [...content.entries.keys()].some(path => /\/local-fs\.target\.wants\/tmp\.mount$/.test(path));
  return wants && content.file('/usr/lib/systemd/system/tmp.mount') !== undefined;
}
