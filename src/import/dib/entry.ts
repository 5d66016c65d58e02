import { isMap, parseDocument, stringify, YAMLMap } from 'yaml';
import { factorySchema } from '../../definition/schema.ts';
import { clean } from '../../host/log.ts';

/** What was not carried over, and why. */
export interface Note {
  /** As it was written: `--logfile`, `DIB_CHECKSUM`. */
  readonly what: string;
  readonly why: string;
}

/**
 * An image of a factory file in the making. Each setting is put to the schema when it comes, so that the entry always
 * fits, and what does not fit is told.
 */
export class Entry {
  readonly notes: Note[] = [];
  readonly #name: string;
  readonly #settings: Record<string, unknown>;
  #folders: readonly string[] = [];

  constructor(name: string, distribution: string, release: string) {
    this.#name = name;
    this.#settings = { distribution, releases: [/^\d+$/.test(release) ? Number(release) : release] };
  }

  note(what: string, why: string): void {
    if (!this.notes.some(each => each.what === what)) this.notes.push({ what, why });
  }

  /** @param what where it comes from, for a note when the schema refuses it */
  set(what: string, path: readonly [string] | readonly [string, string], value: unknown): void {
    const [first, second] = path;
    const before = this.#settings[first];
    const under = typeof before === 'object' && before !== null ? before : {};
    const next = second === undefined ? value : { ...under, [second]: value };
    if (this.#fits({ ...this.#settings, [first]: next })) this.#settings[first] = next;
    else this.note(what, `image-factory takes no such ${path.join('.')}`);
  }

  /** Folders of elements, the first that has a name wins. */
  searchIn(what: string, folders: readonly string[]): void {
    if (factorySchema.safeParse({ 'elements-path': folders }).success) this.#folders = folders;
    else this.note(what, 'image-factory takes no such elements-path');
  }

  /** Adds a word to a list. */
  add(what: string, key: string, word: string): void {
    const before = this.#settings[key];
    const words = Array.isArray(before) ? (before as unknown[]) : [];
    if (words.includes(word)) return;
    const next = [...words, word];
    if (!word.startsWith('-') && this.#fits({ ...this.#settings, [key]: next })) this.#settings[key] = next;
    else this.note(what, `image-factory takes no such word in ${key}`);
  }

  /** @param unit of the number that was given */
  size(what: string, key: 'reserve' | 'journal', value: string, unit: 'GiB' | 'MiB'): void {
    const mib = Math.ceil(Number(value) * (unit === 'GiB' ? 1024 : 1));
    if (/^\d+(\.\d+)?$/.test(value)) this.set(what, ['disk', key], `${mib}MiB`);
    else this.note(what, `${JSON.stringify(value)} is no number of ${unit}`);
  }

  #fits(settings: Record<string, unknown>): boolean {
    return factorySchema.safeParse({ images: { [this.#name]: settings } }).success;
  }

  /** The factory file, with what was not carried over in comments. */
  text(command: string): string {
    const head = [
      'Made by image-factory import dib from:',
      `  ${command}`,
      ...(this.notes.length === 0 ? ['Everything was carried over.'] : ['Not carried over:']),
      ...this.notes.map(({ what, why }) => `  ${what}: ${why}`),
    ];
    const comment = head.map(line => `# ${clean(line)}\n`).join('');
    const folders = this.#folders.length === 0 ? {} : { 'elements-path': this.#folders };
    const body = parseDocument(stringify({ ...folders, images: { [this.#name]: this.#settings } }));
    flow(body.get('elements-path', true));
    const settings = body.getIn(['images', this.#name]);
    if (isMap(settings)) for (const { value } of settings.items) flow(value);
    return comment + body.toString({ lineWidth: 110 });
  }
}

/** Lists on one line, as people write them. */
function flow(node: unknown): void {
  if (node instanceof YAMLMap) return;
  if (typeof node === 'object' && node !== null && 'items' in node) (node as { flow?: boolean }).flow = true;
}
