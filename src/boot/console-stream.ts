import { clean, type Log } from '../host/log.ts';

/** Characters of one boot that are shown: a good boot writes some 60,000. */
export const MOST_SHOWN = 256 * 1024;
const LONGEST = 500;

const ESCAPE = '\u001b';
/** Firmware and boot loaders begin a line by putting the cursor there. */
const CURSOR = new RegExp(`${ESCAPE}\\[[0-9;]*[HfJ]`);
/** systemd draws this line anew twice a second while it waits. */
const WAITING = /^\[[ *]{5,6}\] A start job is running for (.*) \(/;

/** Shows what a guest writes to its console in the log while it writes it. */
export class ConsoleStream {
  readonly #log: Pick<Log, 'info' | 'untrusted'>;
  readonly #source: string;
  #shown = 0;
  #awaited: string | undefined;

  /** @param name of the machine: tells apart what several guests write at the same time */
  constructor(log: Pick<Log, 'info' | 'untrusted'>, name = 'first') {
    this.#log = log;
    this.#source = `guest ${name}`;
  }

  /** @param raw a line as the guest wrote it; what draws frames or says the same again is left out */
  line(raw: string): void {
    for (const part of raw.split(CURSOR)) this.#show(clean(part).trimEnd());
  }

  #show(line: string): void {
    if (!/[\p{L}\p{N}]/u.test(line) || this.#shown > MOST_SHOWN) return;
    const awaited = WAITING.exec(line)?.[1];
    const again = awaited !== undefined && awaited === this.#awaited;
    this.#awaited = awaited;
    if (again) return;
    const text = line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
    this.#shown += text.length;
    this.#log.untrusted(this.#source, text);
    if (this.#shown <= MOST_SHOWN) return;
    const most = `${MOST_SHOWN / 1024} KiB`;
    this.#log.info(`${this.#source} writes more than ${most}: the rest is in its console log alone`);
  }
}
