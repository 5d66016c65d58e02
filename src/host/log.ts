/** What the parts tell the person who watches. `src/runner/` has one implementation per platform. */
export interface Log {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
  /** For the curious only; hidden unless asked for. */
  debug(line: string): void;
  /** A foldable part of the log with a title. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>;
  /** Long work of a known or unknown size. */
  progress(what: string, total?: number, unit?: 'bytes' | 'steps'): Progress;
  /**
   * A line that an element, a guest, a mirror or a cloud wrote. It is cleaned of control characters and
   * cannot speak to the runner.
   */
  untrusted(source: string, line: string): void;
  /** A value that must never be shown. */
  secret(value: string): void;
}

export interface Progress {
  /** @param done absolute position in the unit given at the start */
  update(done: number, note?: string): void;
  /** @param note what came out of it, in a few words */
  end(note?: string): void;
}

/** A log that says nothing: for tests and for work whose output is of no interest. */
export const silentLog: Log = {
  info() {},
  warn() {},
  error() {},
  debug() {},
  group: (_title, body) => body(),
  progress: () => ({ update() {}, end() {} }),
  untrusted() {},
  secret() {},
};

// Written as text, since a pattern of control characters is mostly a mistake and the linter says so.
const CONTROL = new RegExp(
  [
    '\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?', // OSC: titles, links
    '\\u001b\\[[0-?]*[ -/]*[@-~]', // CSI: colours, cursor
    '\\u001b[@-Z\\\\-_]?',
    '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]',
  ].join('|'),
  'g',
);

/** Removes terminal escapes, control and bidirectional characters (tabs stay); one line in, one line out. */
export function clean(text: string): string {
  return text.replace(CONTROL, '').replace(/\n/g, ' ');
}
