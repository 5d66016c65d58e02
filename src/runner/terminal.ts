import { createMask } from './mask.ts';
import { createLog, harmless, type Platform } from './platform.ts';
import { duration } from './progress.ts';
import type { Runner, RunnerWorld, Sink } from './types.ts';
import { linesOf } from './untrusted.ts';

/** Foreign lines shown when a group fails and they were hidden until then. */
const TAIL = 20;

/** A person's terminal, or a pipe. Results are printed by the command itself, so that outputs need no file. */
export function createTerminalRunner(world: RunnerWorld): Runner {
  const mask = createMask();
  const screen = createScreen(world.out);
  const platform = terminalPlatform(world, screen);
  const log = createLog(world, platform, mask);
  return {
    kind: 'terminal',
    log,
    job: `${world.host}:${world.pid}`,
    outputs() {},
    summary() {},
    failure(line, causes) {
      for (const part of linesOf(line)) platform.line('error', harmless(mask, part));
      for (const cause of causes) log.info(`  ${cause}`);
    },
    close: () => screen.clear(),
  };
}

interface Screen {
  readonly live: boolean;
  /** Writes a line above the live one. */
  print(line: string): void;
  /** Redraws the live line. */
  draw(line: string): void;
  clear(): void;
}

function createScreen(out: Sink): Screen {
  let drawn = false;
  const clear = () => {
    if (drawn) out.write('\r\u001b[K');
    drawn = false;
  };
  return {
    live: out.isTTY === true,
    clear,
    print(line) {
      clear();
      out.write(`${line}\n`);
    },
    draw(line) {
      // A line that wraps cannot be redrawn with a carriage return.
      out.write(`\r\u001b[K${line.slice(0, Math.max(20, (out.columns ?? 80) - 1))}`);
      drawn = true;
    },
  };
}

const MARKS = { info: '', debug: '', warn: 'warning: ', error: 'error: ' } as const;
const COLOURS = { info: '', debug: '2', warn: '33', error: '31' } as const;

function terminalPlatform(world: RunnerWorld, screen: Screen): Platform {
  const colour = screen.live && world.env.NO_COLOR === undefined && world.env.TERM !== 'dumb';
  const paint = (code: string, text: string) =>
    colour && code !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  let indent = '';
  let tail: string[] = [];
  return {
    line(level, text) {
      if (level === 'debug' && !world.verbose) return;
      screen.print(indent + paint(COLOURS[level], MARKS[level] + text));
    },
    foreign(source, text) {
      const line = `  ${source} | ${text}`;
      if (world.verbose) screen.print(paint('2', line));
      else tail = [...tail, line].slice(-TAIL);
    },
    openGroup(title) {
      screen.print(paint('1', title));
      indent = '  ';
      tail = [];
    },
    closeGroup(_title, milliseconds, failed) {
      if (failed) for (const line of tail) screen.print(paint('2', line));
      screen.print(`  ${failed ? paint('31', 'failed') : 'done'} after ${duration(milliseconds)}`);
      indent = '';
      tail = [];
    },
    meter(line, kind) {
      if (kind === 'end') screen.print(indent + line);
      else if (screen.live) screen.draw(indent + line);
      else screen.print(indent + line);
    },
    meterInterval: screen.live ? 200 : 15_000,
    hide() {},
  };
}
