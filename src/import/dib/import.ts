import { basename } from 'node:path';
import { ARCHITECTURES, isDistribution, KNOWN } from '../../definition/builtin.ts';
import { FORMS } from '../../definition/forms.ts';
import { DefinitionError } from '../../host/errors.ts';
import { Entry, type Note } from './entry.ts';
import { type Given, readOptions } from './options.ts';
import { carryVariables, type Environment } from './variables.ts';

export interface Imported {
  /** A factory file in YAML. */
  readonly text: string;
  readonly notes: readonly Note[];
}

/**
 * A disk-image-create command line with its environment as a factory file.
 * @param words the whole command line, with the program's name or without
 * @param environment.all whether all of it was meant for the command, whatever the names
 * @throws DefinitionError for a command line that disk-image-create would refuse, or an operating system that cannot
 *   be built here
 */
export function importDib(
  words: readonly string[],
  environment: Environment,
  { all = false }: { readonly all?: boolean } = {},
): Imported {
  const program = basename(words[0] ?? '');
  if (program === 'ramdisk-image-create') {
    throw new DefinitionError(
      'ramdisk-image-create makes a ramdisk, and image-factory makes images of disks',
      {
        advice: 'take its elements into an image whose forms have the kernel and the initrd',
      },
    );
  }
  const named = program === 'disk-image-create';
  const given = readOptions(named ? words.slice(1) : words);
  const known = given.options.some(({ name }) => name === 'c') ? {} : environment;
  const system = operatingSystem(given.elements, known);
  const written = lastOf(given, 'o') ?? known.IMAGE_NAME;
  const entry = new Entry(imageName(written, system), system.distribution, system.release);
  if (system.note !== undefined) entry.note('DIB_RELEASE', system.note);
  if (known !== environment) entry.note('-c', 'the environment was cleared, so none of it was read');
  for (const element of [
    ...(given.options.some(({ name }) => name === 'n') ? [] : ['base']),
    ...given.elements,
  ])
    entry.add(`the element ${element}`, 'elements', element);
  for (const { name, value = '' } of given.options) carryOption(entry, name, value);
  carryVariables(entry, known, all);
  const line = ['disk-image-create', ...(named ? words.slice(1) : words)].map(quoted).join(' ');
  return { text: entry.text(line), notes: entry.notes };
}

interface System {
  readonly distribution: string;
  readonly release: string;
  readonly note?: string;
}

/** Which of the elements brings an operating system that can be built here, and which release of it. */
function operatingSystem(elements: readonly string[], environment: Environment): System {
  const distribution = elements
    .map(name => /^([a-z]+)(-minimal|-systemd|-upstart)?$/.exec(name)?.[1])
    .find(name => isDistribution(name));
  if (distribution === undefined || !isDistribution(distribution)) {
    throw new DefinitionError('none of the elements brings an operating system that image-factory builds', {
      advice: `elements that do: ${Object.keys(KNOWN)
        .map(name => `${name}-minimal`)
        .join(', ')}`,
    });
  }
  const { releases } = KNOWN[distribution];
  const wanted = environment.DIB_RELEASE ?? 'stable';
  const found = [...releases].find(([number, { codename }]) => [number, codename].includes(wanted));
  if (found !== undefined) return { distribution, release: found[0] };
  const newest = [...releases.keys()].at(-1);
  if (wanted !== 'stable' || newest === undefined) {
    throw new DefinitionError(`DIB_RELEASE is ${wanted}, which image-factory does not build`, {
      advice: `it builds ${[...releases].map(([number, { codename }]) => `${number} (${codename})`).join(', ')}`,
    });
  }
  const why = `stable is another release one day; the newest that can be built was taken, ${newest}`;
  return { distribution, release: newest, note: why };
}

/** A name that may be one here, without the release, which is added to it. */
function imageName(written: string | undefined, { distribution, release }: System): string {
  const plain = basename(written ?? 'image')
    .replace(/\.(qcow2|raw|tar|tgz|squashfs|vhd)$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, 50);
  const short = plain.endsWith(`-${release}`) ? plain.slice(0, -release.length - 1) : plain;
  return short === '' || short === 'image' ? distribution : short;
}

function lastOf({ options }: Given, name: string): string | undefined {
  return options.filter(option => option.name === name).at(-1)?.value;
}

function carryOption(entry: Entry, name: string, value: string): void {
  const option = name.length === 1 ? `-${name}` : `--${name}`;
  const why = Object.hasOwn(WHY_NOT, name) ? WHY_NOT[name] : undefined;
  if (why !== undefined) entry.note(option, why);
  else if (name === 'a') carryArchitecture(entry, option, value);
  else if (name === 't') for (const type of value.split(',')) carryType(entry, type.trim());
  else if (name === 'p') for (const each of value.split(',')) carryPackage(entry, each.trim());
  else if (name === 'image-extra-size') entry.size(option, 'reserve', value, 'GiB');
  else if (name === 'mkfs-journal-size') entry.size(option, 'journal', value, 'MiB');
  else if (name === 'install-type') entry.set(option, ['environment', 'DIB_DEFAULT_INSTALLTYPE'], value);
  else if (name === 'root-label' && value !== 'cloudimg-rootfs')
    entry.note(option, 'the root filesystem is always called cloudimg-rootfs');
  else if (name === 'o' && value.includes('/'))
    entry.note(`${option} ${value}`, 'build --output says where bundles go');
}

/** Options that have nothing to become, and why. */
const WHY_NOT: Readonly<Record<string, string>> = {
  x: 'build --verbose shows what scripts print; the log has it always',
  u: 'a qcow2 is always compressed; raw is the form that is not',
  checksum: 'every bundle has SHA-256 and SHA-512 of every file',
  'image-size': 'the disk is just large enough and grows at first boot; disk.reserve leaves room',
  'image-cache': 'downloads are kept in the cache directory of image-factory',
  'max-online-resize': 'filesystems are made to grow already',
  'min-tmpfs': 'memory is used when there is enough of it',
  'no-tmpfs': 'memory is used when there is enough of it; build --work names a directory',
  'mkfs-options': 'the options that make a filesystem are part of what makes builds the same each time',
  'qemu-img-options': 'the options that make a qcow2 are part of what makes builds the same each time',
  offline: 'what is known and unchanged is not fetched again',
  'ramdisk-element': 'no ramdisk is made',
  'docker-target': 'no container image is made',
  logfile: 'the log is in the bundle',
  help: 'it asks for help',
  version: 'it asks for the version',
  h: 'it asks for help',
};

function carryArchitecture(entry: Entry, option: string, value: string): void {
  const name = value === 'x86_64' ? 'amd64' : value;
  if (ARCHITECTURES.some(each => each === name)) entry.set(option, ['architectures'], [name]);
  else entry.note(`${option} ${value}`, `image-factory builds ${ARCHITECTURES.join(', ')}`);
}

function carryType(entry: Entry, type: string): void {
  const form = type === 'tgz' ? 'tar' : type;
  if (FORMS.some(each => each === form)) entry.add(`-t ${type}`, 'forms', form);
  else entry.note(`-t ${type}`, `image-factory makes ${FORMS.join(', ')}`);
}

function carryPackage(entry: Entry, name: string): void {
  if (name !== '') entry.add(`-p ${name}`, 'packages', name);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
