/** One line of /etc/fstab; fstab(5). */
export interface FstabRow {
  /** `LABEL=cloudimg-rootfs`, `/dev/vda1`, `tmpfs`. */
  readonly what: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

export function parseFstab(text: string): FstabRow[] {
  return text.split('\n').flatMap(line => {
    const [what = '', point, type, options = 'defaults'] = line.trim().split(/\s+/);
    if (what.startsWith('#') || point === undefined || type === undefined) return [];
    return [{ what, point, type, options: options.split(',') }];
  });
}
