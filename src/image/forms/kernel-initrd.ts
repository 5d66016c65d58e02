import type { Converter } from './types.ts';

/** The newest kernel of the tree and its initramfs. */
const COPY = `set -eu
cd "$1/boot"
kernel=$(find . -maxdepth 1 -type f -name 'vmlinuz-*' -printf '%f\\n' | sort -V | tail -n 1)
[ -n "$kernel" ] || { echo "the tree has no kernel in /boot" >&2; exit 1; }
cat "$kernel" > "$2"
cat "initrd.img-\${kernel#vmlinuz-}" > "$3"
`;

export const kernelInitrdConverter: Converter = {
  files: ['kernel', 'initrd'],
  share: 0.1,
  argv: ({ tree, file }) => ['sh', '-c', COPY, 'kernel', tree, file('kernel'), file('initrd')],
};
