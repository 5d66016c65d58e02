import { DefinitionError } from '../../host/errors.ts';

/** A disk-image-create command line, taken apart as its getopt does. */
export interface Given {
  /** Options in their order, by their names without hyphens; flags have no value. */
  readonly options: readonly { readonly name: string; readonly value?: string }[];
  readonly elements: readonly string[];
}

/** diskimage_builder/lib/disk-image-create: the letters of its getopt; true: it takes a value. */
const SHORT: Readonly<Record<string, boolean>> = {
  ...{ a: true, h: false, o: true, t: true },
  ...{ x: false, u: false, c: false, n: false, p: true },
};

const LONG: Readonly<Record<string, boolean>> = {
  checksum: false,
  'no-tmpfs': false,
  offline: false,
  help: false,
  version: false,
  'min-tmpfs': true,
  'image-size': true,
  'image-extra-size': true,
  'image-cache': true,
  'max-online-resize': true,
  'mkfs-journal-size': true,
  'mkfs-options': true,
  'qemu-img-options': true,
  'ramdisk-element': true,
  'root-label': true,
  'install-type': true,
  'docker-target': true,
  logfile: true,
};

/** Every option there is, with whether it takes a value. */
export const OPTIONS: Readonly<Record<string, boolean>> = { ...SHORT, ...LONG };

/**
 * Options and elements may stand in any order, `--` ends the options, letters may be bundled, long names cut short.
 * @param words after the program's name
 * @throws DefinitionError for what disk-image-create itself would refuse
 */
export function readOptions(words: readonly string[]): Given {
  const options: { name: string; value?: string }[] = [];
  const elements: string[] = [];
  const waiting = [...words];
  const take = (option: string) => {
    const value = waiting.shift();
    if (value === undefined) throw wrong(`${option} takes a value, and none follows`);
    return value;
  };
  for (let word = waiting.shift(); word !== undefined; word = waiting.shift()) {
    if (word === '--') elements.push(...waiting.splice(0));
    else if (word.startsWith('--')) options.push(longOption(word, take));
    else if (word.startsWith('-') && word !== '-') options.push(...letters(word, take));
    else elements.push(word);
  }
  return { options, elements };
}

function longOption(word: string, take: (option: string) => string): { name: string; value?: string } {
  const [, written = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const matches = Object.keys(LONG).filter(name => name === written || name.startsWith(written));
  const name = matches.find(each => each === written) ?? (matches.length === 1 ? matches[0] : undefined);
  if (name === undefined) throw wrong(`it has no option --${written}`);
  if (!LONG[name]) {
    if (value !== undefined) throw wrong(`--${name} takes no value`);
    return { name };
  }
  return { name, value: value ?? take(`--${name}`) };
}

function letters(word: string, take: (option: string) => string): { name: string; value?: string }[] {
  const found: { name: string; value?: string }[] = [];
  for (let at = 1; at < word.length; at++) {
    const name = word[at] ?? '';
    const takes = Object.hasOwn(SHORT, name) ? SHORT[name] : undefined;
    if (takes === undefined) throw wrong(`it has no option -${name}`);
    if (!takes) {
      found.push({ name });
      continue;
    }
    const rest = word.slice(at + 1);
    found.push({ name, value: rest === '' ? take(`-${name}`) : rest });
    break;
  }
  return found;
}

function wrong(what: string): DefinitionError {
  return new DefinitionError(`the disk-image-create command line is not right: ${what}`, {
    advice: 'give it as you run it, after --',
  });
}
