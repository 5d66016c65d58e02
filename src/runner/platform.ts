import { clean, type Log, type Progress } from '../host/log.ts';
import { createMask, type Mask } from './mask.ts';
import { createMeter } from './progress.ts';
import type { RunnerWorld } from './types.ts';
import { defang, linesOf } from './untrusted.ts';

/** The few things in which platforms differ; a Log is made of them by `createLog`. */
export interface Platform {
  /** One harmless line of ours. */
  line(level: 'info' | 'warn' | 'error' | 'debug', text: string): void;
  /** One harmless line of theirs. */
  foreign(source: string, text: string): void;
  openGroup(title: string): void;
  /** @param milliseconds how long it was open */
  closeGroup(title: string, milliseconds: number, failed: boolean): void;
  meter(line: string, kind: 'update' | 'end'): void;
  /** Milliseconds between two drawn updates of a meter. */
  readonly meterInterval: number;
  /** Tells the platform's own mask. */
  hide(text: string): void;
}

/**
 * A Log over a platform. The order matters: text is cut into lines and cleaned, then secrets go, then marks
 * that a runner obeys are broken; the other way round a secret with such a mark in it would be shown.
 */
export function createLog(world: RunnerWorld, platform: Platform, mask: Mask = createMask()): Log {
  const say = (level: 'info' | 'warn' | 'error' | 'debug') => (text: string) => {
    for (const line of harmlessLines(mask, text)) platform.line(level, line);
  };
  let depth = 0;
  return {
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    debug: say('debug'),
    async group(title, body) {
      const name = harmless(mask, title);
      const start = world.now().getTime();
      const close = (failed: boolean) => platform.closeGroup(name, world.now().getTime() - start, failed);
      // Platforms do not nest groups: one inside another is a line in the outer one.
      if (depth > 0) {
        platform.line('info', name);
        return body();
      }
      depth += 1;
      platform.openGroup(name);
      try {
        const result = await body();
        close(false);
        return result;
      } catch (error) {
        close(true);
        throw error;
      } finally {
        depth -= 1;
      }
    },
    progress: (what, total, unit = 'steps') => meterFor(world, platform, mask, { what, total, unit }),
    untrusted(source, text) {
      for (const line of harmlessLines(mask, text)) platform.foreign(harmless(mask, source), line);
    },
    secret(value) {
      for (const text of mask.add(value)) platform.hide(text);
    },
  };
}

function meterFor(
  world: RunnerWorld,
  platform: Platform,
  mask: Mask,
  measure: { what: string; total: number | undefined; unit: 'bytes' | 'steps' },
): Progress {
  return createMeter(measure, {
    now: () => world.now().getTime(),
    interval: platform.meterInterval,
    draw: (line, kind) => platform.meter(harmless(mask, line), kind),
  });
}

/** One line that holds no secret, no control character and no command. */
export function harmless(mask: Mask, text: string): string {
  return defang(mask.apply(clean(text)));
}

function harmlessLines(mask: Mask, text: string): string[] {
  return linesOf(mask.apply(text)).map(line => harmless(mask, line));
}
