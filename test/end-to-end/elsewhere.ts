import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TREE } from '../../src/build/chroot.ts';
import { hostMirror, sourcesFor, sourcesList } from '../../src/build/distributions/debian.ts';
import { createContext } from '../../src/host/context.ts';
import { places } from '../../src/host/places.ts';
import { run } from '../../src/host/process.ts';
import { toolsPath } from '../../src/host/sandbox/tools-tree.ts';
import { TOOLS } from '../../src/host/tools.ts';
import { NODE_24 } from './shared-image.ts';

/** Days that its clock is ahead. */
const AHEAD = 365;

/** Where the library of the clock lies in each of its trees. initramfs-tools packs in no library of this name. */
const CLOCK = '/usr/lib/linux-gate-clock-ahead.so';

/**
 * Preloaded into every program, it moves the time of day and nothing else; a date that a build takes from the clock
 * then shows. libfaketime moves what stat tells too, and needs its own variables in every environment.
 */
const SOURCE = `
struct timespec { long seconds, nanoseconds; };
struct timeval { long seconds, microseconds; };
extern long syscall(long number, ...);
#define AHEAD (${AHEAD} * 86400L)
int clock_gettime(int clock, struct timespec *time) {
  int result = syscall(228, clock, time);
  if (result == 0 && (clock == 0 || clock == 5)) time->seconds += AHEAD;
  return result;
}
int gettimeofday(struct timeval *time, void *zone) {
  int result = syscall(96, time, zone);
  if (result == 0 && time) time->seconds += AHEAD;
  return result;
}
long time(long *told) {
  struct timespec now;
  clock_gettime(0, &now);
  if (told) *told = now.seconds;
  return now.seconds;
}
`;

/** The tree gets the clock before its first program runs. */
const MMDEBSTRAP = `#!/bin/sh
mkdir -p ${TREE}/etc ${TREE}${dirname(CLOCK)}
cp ${CLOCK} ${TREE}${CLOCK}
echo ${CLOCK} > ${TREE}/etc/ld.so.preload
/usr/bin/mmdebstrap.real "$@" || exit
chroot ${TREE} /bin/date +%F > /cache/day-in-the-tree
`;

/** The clock goes before the engine looks at the tree for the first time. */
const FIND = `#!/bin/sh
if [ "$1" = ${TREE} ]; then rm -f ${TREE}${CLOCK} ${TREE}/etc/ld.so.preload; fi
exec /usr/bin/find.real "$@"
`;

/** Makes a folder the root of a mount namespace of its own, with the kernel's file systems and a second folder in it. */
const ENTER = `set -eu
root=$1; shift
mount --bind "$root" "$root"
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
mount --bind "$1" "$root/there"; shift
cd "$root"
pivot_root . mnt
umount -l /mnt
cd /
exec "$@"
`;

/** Another host: a Debian 13, with a clock that is ahead, in another time zone. */
export interface Elsewhere {
  /** Runs image-factory there. @param words paths are below /there */
  run(words: readonly string[]): Promise<{ status: number; output: string }>;
  /** The day that programs in the tree of the image saw, as YYYY-MM-DD. */
  dayInTheTree(): Promise<string>;
  /** Folder of ours that is /there in it. */
  readonly work: string;
  remove(): Promise<void>;
}

/** Needs root. The tools tree and the downloads of this host are there already. */
export async function elsewhere(): Promise<Elsewhere> {
  const place = await mkdtemp('/var/tmp/image-factory-elsewhere-');
  const [root, work] = [join(place, 'root'), join(place, 'work')];
  await mkdir(work);
  const clock = join(place, 'clock.so');
  await writeFile(join(place, 'clock.c'), SOURCE);
  await run(['tcc', '-nostdlib', '-shared', '-o', clock, join(place, 'clock.c')]);
  await makeDebian13(root);
  await cp(clock, join(root, CLOCK));
  await cp(NODE_24, join(root, 'usr/local/bin/node'));
  for (const name of ['image-factory', 'package.json', 'dist', 'elements', 'examples'])
    await cp(resolve(name), join(root, 'opt/image-factory', name), { recursive: true });
  const downloads = await bringCache(join(work, 'cache/image-factory'), clock);
  return {
    work,
    async run(words) {
      const inside = ['/opt/image-factory/image-factory', ...words];
      const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'enter', root, work];
      const { status, stdout, stderr } = await run([...argv, ...inside], {
        env: {
          ...{ PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
          ...{ HOME: '/root', XDG_CACHE_HOME: '/there/cache', TZ: 'Pacific/Kiritimati' },
        },
        accept: [...Array(256).keys()],
      });
      return { status, output: stdout + stderr };
    },
    dayInTheTree: async () => (await readFile(join(downloads, 'day-in-the-tree'), 'utf8')).trim(),
    remove: () => rm(place, { recursive: true, force: true }),
  };
}

async function makeDebian13(root: string): Promise<void> {
  const mirror = await hostMirror();
  if (mirror === undefined) throw new Error("this host's apt knows no Debian archive");
  const packages = [...TOOLS.build.map(tool => tool.package), 'ca-certificates', 'libstdc++6', 'tzdata'];
  const argv = ['mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory'];
  await run([...argv, `--include=${[...new Set(packages)].join(',')}`, 'trixie', root, '-'], {
    input: sourcesList(sourcesFor('trixie', mirror)),
  });
  for (const folder of ['there', 'opt/image-factory']) await mkdir(join(root, folder), { recursive: true });
}

/** This host's tools tree with the clock in it, and its downloads. @returns path of the downloads */
async function bringCache(cache: string, clock: string): Promise<string> {
  const own = places(createContext({ env: process.env })).cache;
  const tools = toolsPath(cache, 'engine');
  await mkdir(dirname(tools), { recursive: true });
  await run(['cp', '-a', toolsPath(own, 'engine'), tools]);
  const downloads = join(cache, 'downloads/debian');
  await mkdir(dirname(downloads), { recursive: true });
  await run(['cp', '-a', join(own, 'downloads/debian'), downloads]);
  await cp(clock, join(tools, CLOCK));
  await writeFile(join(tools, 'etc/ld.so.preload'), `${CLOCK}\n`);
  for (const [name, text] of Object.entries({ mmdebstrap: MMDEBSTRAP, find: FIND })) {
    const path = join(tools, 'usr/bin', name);
    await rename(path, `${path}.real`);
    await writeFile(path, text);
    await chmod(path, 0o755);
  }
  return downloads;
}
