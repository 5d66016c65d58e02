import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianSources, type Mirror, sourcesFor, sourcesList } from '../src/build/distributions/debian.ts';
import { plainEnvironment, run } from '../src/host/process.ts';
import { APART, type Contestant } from './contestant.ts';

const HERE = dirname(fileURLToPath(import.meta.url));

/** The release that has mkosi 25. */
const HOST_SUITE = 'trixie';

/** What mkosi needs of its host to make a disk that boots by BIOS and UEFI. */
const HOST_PACKAGES = [
  ...['mkosi', 'systemd-repart', 'systemd', 'apt', 'dpkg', 'debian-archive-keyring', 'ca-certificates'],
  ...['grub-pc-bin', 'grub-efi-amd64-bin', 'grub2-common', 'systemd-boot-efi', 'python3-pefile', 'binutils'],
  ...['dosfstools', 'mtools', 'e2fsprogs', 'fdisk', 'qemu-utils', 'cpio', 'zstd', 'kmod', 'tar', 'uidmap'],
];

/**
 * mkosi, in a Debian 13 of its own that is made once and not counted. `packages` of the work directory tells which
 * packages its image has beyond ours, and which it lacks.
 */
export function mkosi(work: string, mirror: Mirror, suite: string, kind: 'own' | 'alike'): Contestant {
  const cache = join(work, 'cache', 'mkosi');
  const host = join(work, 'cache', 'mkosi-host');
  const sources = join(work, 'mkosi.sources');
  const words = [kind, host, sources, join(work, 'package-names'), suite, cache];
  return {
    name: kind === 'own' ? 'mkosi' : 'mkosi, alike',
    caches: [cache],
    async prepare() {
      await writeFile(sources, debianSources(sourcesFor(suite, mirror)));
      if (!existsSync(join(host, 'usr/bin/mkosi'))) await makeHost(host, mirror);
    },
    command: out => ({
      argv: [...APART, 'sh', join(HERE, 'mkosi.sh'), ...words, out],
      env: plainEnvironment(),
    }),
    async results(out) {
      const manifest = JSON.parse(await readFile(join(out, 'disk.manifest'), 'utf8')) as Manifest;
      const theirs = manifest.packages.map(({ name, version }) => `${name} ${version}`);
      const ours = (await readFile(join(work, 'packages.txt'), 'utf8')).replace(/ \S+$/gm, '').split('\n');
      const rows = [...theirs.filter(each => !ours.includes(each)).map(each => `+${each}\n`)];
      rows.push(...ours.filter(each => each !== '' && !theirs.includes(each)).map(each => `-${each}\n`));
      await writeFile(join(work, 'mkosi.packages'), rows.join(''));
      return { qcow2: join(out, 'disk.qcow2'), steps: [] };
    },
  };
}

/** What is read of mkosi's manifest. */
interface Manifest {
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

async function makeHost(host: string, mirror: Mirror): Promise<void> {
  await rm(host, { recursive: true, force: true });
  const argv = ['mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory'];
  await run([...argv, `--include=${HOST_PACKAGES.join(',')}`, HOST_SUITE, host, '-'], {
    input: sourcesList(sourcesFor(HOST_SUITE, mirror)),
  });
}
