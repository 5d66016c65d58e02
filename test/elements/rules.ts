import { changedBy, NO_LOGINS } from '../../src/image/logins.ts';
import { allowedContent, ruleFor } from '../../src/image/seal.ts';
import type { Rule } from './compare.ts';
import { initrdEntries } from './initrd.ts';

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
/** What stands before the code in a .pyc: magic, flags, then time and size of the source, or its hash (PEP 552). */
const PYC_HEADER = 16;

const sortedLines = (text: string) => text.split('\n').sort().join('\n');

/** Options that the test has to give to disk-image-create, for it to work in a folder of the test's. */
const FOLDERS = /--image-cache \S+ -a amd64 -n -t raw -o \S+ |^declare -x DIB_DEBOOTSTRAP_EXTRA_ARGS=.*\n/gm;

/** What the seal leaves of a file; nothing where it is to be empty. The days in shadow are of the build. */
function sealed(path: string, content: string): string {
  if (ruleFor(path)?.wanted !== 'asked') return '';
  return changedBy(0, allowedContent(path, content, NO_LOGINS));
}

/** The differences that are meant to be, between disk-image-create's tree and ours. Times of files are not compared. */
export const RULES: readonly Rule[] = [
  {
    name: 'what the seal list names',
    paths: path => ruleFor(path.slice(1)) !== undefined,
    kinds: ['only theirs', 'sha256'],
    reason: 'sealed',
    why: 'removed or emptied before packing, or what was not asked for taken out: see src/image/seal.ts',
    without: (content, path) => sealed(path.slice(1), content.toString()),
  },
  {
    name: '*.pyc',
    paths: /.*\.pyc/,
    kinds: ['sha256'],
    reason: 'time',
    why: 'compiled Python names the time of its source, or, with SOURCE_DATE_EPOCH, its hash; the code is the same',
    without: content => content.subarray(PYC_HEADER).toString('latin1'),
  },
  {
    name: '/boot/grub/grub.cfg, x86_64-efi/load.cfg, x86_64-efi/*.efi',
    paths: /\/boot\/grub\/(grub\.cfg|x86_64-efi\/(load\.cfg|core\.efi|grub\.efi))/,
    kinds: ['sha256'],
    reason: 'random',
    why: 'they find the root filesystem by its UUID; all else in them is the same',
    without: content => content.toString('latin1').replace(UUID, 'UUID'),
  },
  {
    name: '/etc/iscsi/initiatorname.iscsi',
    paths: /\/etc\/iscsi\/initiatorname\.iscsi/,
    kinds: ['sha256'],
    reason: 'random',
    why: 'open-iscsi draws the name of the initiator when it is installed',
    without: content => content.toString().replace(/^(InitiatorName=.*:01:)[0-9a-f]+$/m, '$1RANDOM'),
  },
  {
    name: '/boot/initrd.img-*',
    paths: /\/boot\/initrd\.img-.*/,
    kinds: ['sha256'],
    reason: 'random',
    why: 'it carries that name; times aside, all else in it is the same',
    without: content =>
      initrdEntries(content).replace(/^(etc\/initiatorname\.iscsi \S+ \S+) .*$/m, '$1 RANDOM'),
  },
  {
    name: '/etc/dib-manifests/dib-element-manifest',
    paths: /\/etc\/dib-manifests\/dib-element-manifest/,
    kinds: ['sha256'],
    reason: 'random',
    why: "disk-image-create names the elements in the order of a set of Python's, which is another one each time",
    without: content => sortedLines(content.toString()),
  },
  {
    name: '/etc/dib-manifests/dib_arguments, dib_environment',
    paths: /\/etc\/dib-manifests\/dib_(arguments|environment)/,
    kinds: ['sha256'],
    reason: 'random',
    why: "they name disk-image-create's temporary folders",
    without: content => content.toString().replace(FOLDERS, ''),
  },
];
