import { CheckError, NetworkError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { lastLines } from '../../host/process.ts';
import { asked } from '../asked.ts';
import { asRoot } from '../facts.ts';
import { type MirrorDoor, openMirrorDoor, type PackageMirror } from '../mirror-door.ts';
import { type GuestSources, readdressedSources, readGuestSources, SHOW_SOURCES } from '../package-sources.ts';
import { type GuestUnderTest, NotApplicable } from '../types.ts';
import { restartAs, stateOf } from './restarted.ts';

const MINUTE = 60_000;
/** A guest without hardware acceleration unpacks a kernel for minutes. */
const PATIENCE = 30 * MINUTE;
const FOLDER = '/var/tmp/image-factory-apt';

/** Its own sources and lists for this once; where a package's file and the image's differ, the image's stays. */
const APT = [
  ...['DEBIAN_FRONTEND=noninteractive apt-get -q -y', '-o Dir::Etc::SourceList=/dev/null'],
  ...[`-o Dir::Etc::SourceParts=${FOLDER}/sources`, `-o Dir::State::Lists=${FOLDER}/lists`],
  ...['-o Acquire::Retries=3', '-o APT::Update::Error-Mode=any', '-o DPkg::Lock::Timeout=300'],
  ...['-o Dpkg::Use-Pty=0', '-o Dpkg::Options::=--force-confdef', '-o Dpkg::Options::=--force-confold'],
].join(' ');

const KERNEL = /^linux-image-/;
/**
 * It puts on the disk what the others bring, when dpkg triggers it; when it is configured itself, dpkg drops the trigger, and it does
 * nothing.
 */
const INSTALLER = /^grub-cloud-/;
/** Kernels, boot loaders and their signed forms that are installed. */
const BOOT_PACKAGES = `dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\\n' 'linux-image-[0-9]*' 'grub-*' 'shim-*' 2> /dev/null |
sed -n 's/^ii *//p'`;

/** That GRUB's menu is one, and that the kernels and initramfs that it names are there. */
const WHOLE_MENU = `menu=/boot/grub/grub.cfg
[ -e $menu ] || exit 0
grub-script-check $menu || exit 1
files=$(sed -nE 's/^[[:space:]]*(linux|initrd)[[:space:]]+([^[:space:]]+).*/\\2/p' $menu | sort -u)
[ -n "$files" ] || { echo "$menu names no kernel" >&2; exit 1; }
for f in $files; do
  [ -s "/boot/\${f##*/}" ] || { echo "$menu names $f, which is not there" >&2; exit 1; }
done`;

/**
 * Does in a guest what its customer does, and starts it anew.
 * @throws CheckError, NotApplicable where no package can reach it, NetworkError when it was the mirror that failed
 */
export async function upgradeAndRestart(guest: GuestUnderTest): Promise<string> {
  const mirror = await guest.packageMirror?.();
  if (guest.machine.network === undefined) throw new NotApplicable('this guest has no way to the runner');
  if (mirror === undefined) throw new NotApplicable('no mirror of its packages is known');
  const before = await stateOf(guest);
  const upgraded = await throughDoor(guest, mirror);
  await inGuest(guest, 'check of the boot menu', WHOLE_MENU);
  return `${upgraded}; ${await restartAs(before, guest)}`;
}

/** @throws NetworkError when it was the mirror that failed: that says nothing of the image */
async function throughDoor(guest: GuestUnderTest, mirror: PackageMirror): Promise<string> {
  const { context, machine } = guest;
  const door = await openMirrorDoor(mirror, context.signal);
  const way = machine.network?.open(door.port);
  try {
    return await upgrade(guest, `http://${way?.address}:${door.port}`, new URL(mirror.archive).host);
  } catch (error) {
    throw error instanceof CheckError ? blame(error, door, mirror) : error;
  } finally {
    way?.shut();
    await door.close();
  }
}

function blame(error: CheckError, door: MirrorDoor, { archive }: PackageMirror): Error {
  const trouble = door.trouble();
  if (trouble === undefined) return error;
  return new NetworkError(`the package mirror ${new URL(archive).host} does not answer (${trouble})`, {
    advice: 'check the mirror (factory file, or apt on this host)',
    cause: error,
  });
}

/** @param address where the guest finds the mirror @returns what was done */
async function upgrade(guest: GuestUnderTest, address: string, host: string): Promise<string> {
  const sources = readGuestSources(await asked(guest, SHOW_SOURCES));
  if (sources.own.length === 0) throw new CheckError('it has no source of packages of its distribution');
  try {
    await readdress(guest, sources, address);
    await inGuest(guest, 'update', `${APT} update`);
    const upgraded = setUp(await inGuest(guest, 'upgrade', `${APT} dist-upgrade`));
    const again = await reinstall(guest);
    const left = sources.others === 0 ? '' : `, ${sources.others} other sources left out`;
    return `${upgraded.length} packages upgraded from ${host}${left}, ${again.join(', ')} reinstalled`;
  } finally {
    await guest.machine.ssh(asRoot(`rm -rf ${FOLDER}`));
  }
}

/** @returns names of the packages that bring kernel and boot loader, which are on the disk once more */
async function reinstall(guest: GuestUnderTest): Promise<string[]> {
  const found = (await asked(guest, BOOT_PACKAGES)).split(/\s+/);
  const wanted = found.filter(name => !INSTALLER.test(name));
  const said = await inGuest(guest, 'reinstall', `${APT} --reinstall install ${wanted.join(' ')}`);
  const again = setUp(said);
  requireReinstalled(wanted, again);
  const idle = found.find(name => INSTALLER.test(name) && !said.includes(`Processing triggers for ${name} `));
  if (idle !== undefined) throw new CheckError(`${idle} did not put the boot loader on the disk again`);
  return again;
}

async function readdress({ machine }: GuestUnderTest, { own }: GuestSources, address: string): Promise<void> {
  const input = Buffer.from(readdressedSources(own, address));
  const make = `mkdir -p ${FOLDER}/sources ${FOLDER}/lists/partial && cat > ${FOLDER}/sources/mirror.sources`;
  const { status, stderr } = await machine.ssh(asRoot(make), { input });
  if (status !== 0) throw new CheckError(`its sources cannot be readdressed: ${clean(lastLines(stderr, 1))}`);
}

/** @returns what it wrote */
async function inGuest({ machine }: GuestUnderTest, what: string, command: string): Promise<string> {
  const { status, stdout, stderr } = await machine.ssh(asRoot(command), { timeout: PATIENCE });
  if (status === 0) return stdout;
  const why = clean(lastLines(stderr, 3) || lastLines(stdout, 3));
  throw new CheckError(`the ${what} ended with status ${status}: ${why}`);
}

/** Names of the packages that apt says it set up. */
function setUp(said: string): string[] {
  const found = said.matchAll(/^Setting up ([^\s:]+)(?::\S+)? \(/gm);
  return [...new Set([...found].map(([, name = '']) => name))];
}

/** An archive may no longer have an older kernel, but it has the newest, and the boot loader's packages. */
function requireReinstalled(wanted: readonly string[], again: readonly string[]): void {
  const missing = wanted.filter(name => !KERNEL.test(name) && !again.includes(name));
  if (missing.length > 0) throw new CheckError(`not reinstalled: ${missing.join(', ')}`);
  if (again.some(name => KERNEL.test(name))) return;
  throw new CheckError(`no kernel was reinstalled: the archive has none of ${wanted.join(', ')}`);
}
