import { DefinitionError } from '../../host/errors.ts';
import { ToolError } from '../../host/process.ts';
import type { Converter } from './types.ts';

/** The status with which COPY tells that there is nothing to copy. */
const NOTHING = 3;

/** The newest kernel of the tree and its initramfs. */
const COPY = `set -eu
cd "$1/boot" || exit ${NOTHING}
kernel=$(find . -maxdepth 1 -type f -name 'vmlinuz-*' -printf '%f\\n' | sort -V | tail -n 1)
initrd="initrd.img-\${kernel#vmlinuz-}"
[ -n "$kernel" ] && [ -f "$initrd" ] || exit ${NOTHING}
cat "$kernel" > "$2"
cat "$initrd" > "$3"
`;

export const kernelInitrdConverter: Converter = {
  files: ['kernel', 'initrd'],
  share: 0.1,
  argv: ({ tree, file }) => ['sh', '-c', COPY, 'kernel', tree, file('kernel'), file('initrd')],
  explain(error) {
    if (!(error instanceof ToolError) || error.result.status !== NOTHING) return error;
    return new DefinitionError(
      'the tree has no kernel with an initramfs in /boot for the form kernel-initrd',
      {
        advice: 'add a kernel package to the line, or take the form out of its forms',
        cause: error,
      },
    );
  },
};
