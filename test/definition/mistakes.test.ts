import { describe, expect, it } from 'vitest';
import { mistakesOf } from './support.ts';

const DEBIAN = 'images: {debian: {releases: [13]}}';

/** Text after `images: {debian: {releases: [13], ...}}` and the one mistake it must give. */
const IMAGE: [setting: string, mistake: string][] = [
  [
    'relases: [12]',
    '1:35: unknown key "relases" in images.debian, expected one of title, .*did you mean releases\\?',
  ],
  [
    'forms: [qcow]',
    '1:43: unknown word "qcow" in images.debian.forms, expected qcow2, raw, raw.zst, squashfs, tar or kernel-initrd, did you mean qcow2\\?',
  ],
  [
    'forms: qcow2',
    '1:42: images.debian.forms is text, expected a list, such as \\[a, b\\]: write \\[qcow2\\]',
  ],
  ...['[-qcow2, -raw]', '[tar, kernel-initrd]'].map((forms): [string, string] => [
    `forms: ${forms}`,
    '1:42: images.debian.forms is not right, expected a form that holds the whole disk beside the others: qcow2, raw, raw.zst',
  ]),
  ['architectures: [arm64]', '1:51: unknown word "arm64" in images.debian.architectures, expected amd64'],
  [
    'disk: {layout: msdos}',
    '1:50: unknown word "msdos" in images.debian.disk.layout, expected gpt-hybrid, gpt-bios, gpt-uefi, mbr, mbr-hybrid or filesystem',
  ],
  [
    'disk: {partitions: {boot: 1MiB}}',
    '1:61: images.debian.disk.partitions.boot is not right, expected a size from 8MiB to 1048576MiB',
  ],
  [
    'disk: {reserve: 5GB}',
    '1:51: images.debian.disk.reserve is not right, expected a size such as 512MiB, 1GiB or plain bytes',
  ],
  [
    'disk: {journal: 1MiB}',
    '1:51: images.debian.disk.journal is not right, expected a size from 4MiB to 1024MiB',
  ],
  [
    'verify: {boot: 30}',
    '1:50: images.debian.verify.boot is a number, expected a duration with its unit, such as 90s, 5m or 7d',
  ],
  [
    'verify: {cpus: 0}',
    '1:50: images.debian.verify.cpus is not right, expected a whole number of processors from 1 to 64',
  ],
  [
    'verify: {checks: [consle]}',
    '1:53: unknown word "consle" in images.debian.verify.checks, expected images, .*, did you mean console\\?',
  ],
  [
    'verify: {quarantine: {shh: {tracker: x, expires: 2026-12-24}}}',
    '1:57: unknown key "shh" in images.debian.verify.quarantine, expected .*, did you mean ssh\\?',
  ],
  [
    'verify: {quarantine: {ssh: {tracker: x, expires: 2026-13-24}}}',
    '1:62: images.debian.verify.quarantine.ssh is not right, expected a last day that there is, such as 2026-12-24',
  ],
  [
    'verify: {quarantine: {ssh: {expires: 2026-12-24}}}',
    '1:62: images.debian.verify.quarantine.ssh.tracker is missing, expected one line of text',
  ],
  [
    'mirror: {build: "http://u:p@h/"}',
    '1:51: images.debian.mirror.build is not right, expected a URL without user name and password',
  ],
  [
    'mirror: {image: "ftp://h/"}',
    '1:51: images.debian.mirror.image is not right, expected the URL of a mirror, http:// or https://',
  ],
  [
    'environment: {"A B": 1}',
    '1:49: "A B" cannot be a name in images.debian.environment, expected the name of an environment variable',
  ],
  [
    'environment: {A: "x\\ny"}',
    '1:52: images.debian.environment.A is not right, expected one line of text, a number, true or false',
  ],
  ['user: {name: root}', '1:48: images.debian.user.name is not right, expected a user name other than root'],
  [
    'user: {ssh-keys: ["command=\\"x\\" ssh-rsa AAAA"]}',
    '1:53: images.debian.user.ssh-keys is not right, expected a public key as in authorized_keys, .*',
  ],
  [
    'user: {password-hash: secret}',
    '1:57: images.debian.user.password-hash is not right, expected a hash by crypt\\(3\\) .*; never the password',
  ],
  [
    'hardening: {except: {sysrq: x}}',
    '1:63: images.debian.hardening.except.sysrq is not right, expected the reason why the rule is left out',
  ],
  [
    'repositories: [gpu]',
    '1:50: there is no repository gpu, expected a name under `repositories`, where none stands',
  ],
  ['owner: 3', '1:42: images.debian.owner is a number, expected one line of text: put it in quotes'],
  [
    'packages: [grub-]',
    '1:46: images.debian.packages is not right, expected the name of a package, or -NAME to remove one',
  ],
  [
    'packages: [chrony, -chrny]',
    '1:54: -chrny removes nothing, expected a word that a weaker setting gave, did you mean -chrony\\?',
  ],
  ['elements: [nope]', '1:46: there is no element nope, expected a folder of that name in elements/ .*'],
  ['variants: [gpu]', '1:46: unknown variant "gpu", expected a name under `variants`, where none stands'],
];

const KNOWN = 'apt: http://h/, suite: s, key: k.asc';
const PINNED = `${KNOWN}, fingerprint: ${'a'.repeat(40)}`;
const REPOSITORY_MISTAKES: [text: string, mistake: string][] = [
  [
    `${DEBIAN}\nrepositories: {r: {${PINNED.replace('suite: s, ', '')}}}`,
    '2:19: repositories.r.suite is missing, .*',
  ],
  [
    `${DEBIAN}\nrepositories: {r: {${KNOWN}, fingerprint: 610C1234}}`,
    '2:71: repositories.r.fingerprint is not right, expected the whole fingerprint of an OpenPGP key, .*',
  ],
  [
    `${DEBIAN}\nrepositories: {r: {${PINNED.replace('//h', '//u:p@h')}}}`,
    '2:25: repositories.r.apt is not right, expected the address of a repository, .* without user name and password',
  ],
  [
    `${DEBIAN}\nrepositories: {r: {${PINNED}, image: keep, credentials: A}}`,
    '2:\\d+: repositories.r needs credentials, which no image may keep, expected `image: remove`',
  ],
  [
    `${DEBIAN}\nrepositories: {r: {${PINNED.replace('suite: s', 'suite: /')}, components: [main]}}`,
    '2:\\d+: repositories.r is a flat repository, which has no components',
  ],
  [
    `${DEBIAN}\nrepositories: {r: {${PINNED}, credentials: "a b"}}`,
    '2:\\d+: repositories.r.credentials is not right, expected the name of an environment variable',
  ],
];

/** A whole file and the one mistake it must give. */
const FILE: [text: string, mistake: string][] = [
  ['', '1:1: the file is empty, expected at least `images: {debian: {releases: \\[13\\]}}`'],
  ['version: 1', '1:1: no image is defined, expected at least `images: {debian: {releases: \\[13\\]}}`'],
  ['[a, b]', '1:1: the factory file is a list, expected a map, such as {key: value}'],
  [`${DEBIAN}\nversion: 2`, '2:10: version is not right, expected 1, the version of this format'],
  [`${DEBIAN}\n${DEBIAN}`, '2:1: this key stands twice in one map'],
  [`${DEBIAN}\nversion: 1: 2`, '2:10: this is no YAML: Nested mappings are not allowed in compact mappings'],
  [
    'images: {debian: {}}',
    '1:10: images.debian has no releases, expected some, such as `releases: \\[13\\]`',
  ],
  [
    'images: {debian: {releases: [14]}}',
    '1:30: unknown release "14" of debian, expected 12 \\(bookworm\\) or 13 \\(trixie\\)',
  ],
  [
    'images: {debian: {releases: [26.10]}}',
    '1:30: YAML shortens the release 26.10 to the number 26.1, expected text: write "26.10"',
  ],
  ...REPOSITORY_MISTAKES,
  ['images: {debian-14: {}}', '1:10: unknown release "14" of debian, .*'],
  [
    'images: {debain: {releases: [13]}}',
    '1:10: images.debain is the name of no distribution, .*, did you mean debian\\?',
  ],
  [
    'images: {web: {distribution: fedora, releases: [13]}}',
    '1:30: unknown word "fedora" in images.web.distribution, expected debian',
  ],
  [
    'images: {debian: {releases: [13]}, debian-12: {}}',
    '1:36: images.debian-12 names no image and no line of one, .*, did you mean debian-13\\?',
  ],
  [
    'images: {../x: {distribution: debian, releases: [13]}}',
    '1:10: "../x" cannot be a name in images, expected a name of lower-case .*',
  ],
  [
    `${DEBIAN}\ndistributions: {debain: {}}`,
    '2:17: unknown key "debain" in distributions, expected one of debian, did you mean debian\\?',
  ],
  [`${DEBIAN}\nvariants: {gpu: {}}`, '2:12: variants.gpu changes nothing, expected a setting, .*'],
  [
    'images: {debian: {releases: [13], variants: [gup]}}\nvariants: {gpu: {packages: [a]}}',
    '1:46: unknown variant "gup", expected gpu',
  ],
  [
    'images: {debian: {releases: [13], variants: [g]}, debian-13-g: {variants: [g]}}\nvariants: {g: {packages: [a]}}',
    '1:75: images.debian-13-g is a variant already, expected no variants in it',
  ],
  [
    'images: {a: &i {distribution: debian, releases: [12], variants: ["12"]}, a-12: *i}\nvariants: {"12": {packages: [p]}}',
    '1:74: a-12 and a both make the line a-12-12',
  ],
  [
    `${DEBIAN}\nstages: {canary: {needs: stagin}}`,
    '2:26: unknown stage "stagin", expected staging or production, did you mean staging\\?',
  ],
  [
    `${DEBIAN}\nstages: {staging: {needs: production}}`,
    '2:27: the stages staging and production need each other in a circle, .*',
  ],
  [
    `${DEBIAN}\nstages: {staging: {stores: ["glance:x"]}}`,
    '2:29: stages.staging.stores is not right, expected directory:PATH',
  ],
  [
    `${DEBIAN}\nstages: {staging: {stores: ["directory:/a/../b"]}}`,
    '2:29: stages.staging.stores is not right, expected directory:PATH, .*without \\.\\.',
  ],
  [
    `${DEBIAN}\nstages: {staging: {stores: ["directory:stores/production"]}}`,
    '\\d:\\d+: directory:stores/production is a store of staging already, .*',
  ],
  [
    `${DEBIAN}\nsigning: {fingerprints: [1234567890123456789012345678901234567890]}`,
    '2:26: signing.fingerprints is a number, expected the fingerprint .*: put it in quotes',
  ],
  [
    `${DEBIAN}\nretention: {keep: -1}`,
    '2:19: retention.keep is not right, expected a whole number of versions from 0 to 1000',
  ],
];

describe('one mistake', () => {
  it.each(IMAGE)('%s', async (setting, mistake) => {
    const lines = await mistakesOf(`images: {debian: {releases: [13], ${setting}}}`);
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^factory\\.yaml:(${mistake})`))]);
  });

  it.each(FILE)('%s', async (text, mistake) => {
    const lines = await mistakesOf(text);
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^factory\\.yaml:(${mistake})`))]);
  });

  it('is told once, however many lines it reaches, and in the file it stands in', async () => {
    const lines = await mistakesOf('include: [base.yaml]\nimages: {debian: {releases: [12, 13]}}', {
      'base.yaml': '# a comment\ndefaults: {elements: [nope]}',
    });
    expect(lines).toEqual([expect.stringMatching(/^base\.yaml:2:23: there is no element nope/)]);
  });

  it('never tells a key that stands in the wrong place', async () => {
    const lines = await mistakesOf(
      `${DEBIAN}\nsigning: {key: "-----BEGIN PGP PRIVATE KEY BLOCK----- s3cret"}`,
    );
    expect(lines).toEqual(['factory.yaml:2:16: signing.key is not right, expected env:NAME or file:PATH']);
  });

  it('is not followed by what comes of it', async () => {
    const lines = await mistakesOf(
      'defaults: {packags: [a]}\nimages: {debian: {releases: [13], packages: [-a]}}',
    );
    expect(lines).toEqual([expect.stringContaining('unknown key "packags"')]);
  });

  it('cannot speak to the terminal', async () => {
    const [only] = await mistakesOf('"a\\e[31m\\n\\u202eb": 1');
    expect(only).toContain('unknown key');
    expect(only).not.toMatch(/\p{Cc}|\u202e/u);
  });
});

describe('many mistakes', () => {
  it('come all at once, in the order of the lines, the ones behind a wrong word too', async () => {
    const lines = await mistakesOf(`version: 1
incude: [x.yaml]
defaults:
  disk: {filesytem: ext4}
images:
  debian: {releases: [14, 12], variants: [gup]}
  web: {relases: [12], distribution: debian}
  api: {releases: [12]}
variants:
  gpu: {forms: [vhd]}
stages:
  canary: {needs: stagin}
retention: {kep: 3}
`);
    expect(lines.map(each => each.replace(/^factory\.yaml:(\d+):\d+: (.*?),? expected.*$/, '$1 $2'))).toEqual(
      [
        '2 unknown key "incude" in the factory file,',
        '4 unknown key "filesytem" in defaults.disk,',
        '6 unknown release "14" of debian,',
        '6 unknown variant "gup",',
        '7 unknown key "relases" in images.web,',
        '8 images.api is the name of no distribution,',
        '10 unknown word "vhd" in variants.gpu.forms,',
        '12 unknown stage "stagin",',
        '13 unknown key "kep" in retention,',
      ].map(each => each.replace(/,$/, '')),
    );
  });

  it('come from every file that is included', async () => {
    const lines = await mistakesOf(`include: [a.yaml]\n${DEBIAN}\nx: 1`, { 'a.yaml': 'y: [' });
    expect(lines.map(each => each.split(':').slice(0, 2).join(':')).sort()).toEqual([
      'a.yaml:1',
      'factory.yaml:3',
    ]);
  });
});
