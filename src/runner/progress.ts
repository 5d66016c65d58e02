import type { Progress } from '../host/log.ts';

export interface Measure {
  readonly what: string;
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'steps';
}

/** Where a meter writes: a terminal redraws one line, a CI log gets a line now and then. */
export interface MeterSink {
  /** Milliseconds of any clock. */
  now(): number;
  draw(line: string, kind: 'update' | 'end'): void;
  /** Milliseconds between two updates that are drawn. */
  readonly interval: number;
}

/** A meter that hands on an update at most once per interval, and the end always. */
export function createMeter(measure: Measure, sink: MeterSink): Progress {
  const start = sink.now();
  let last = start;
  let done = 0;
  return {
    update(position, note) {
      done = position;
      const now = sink.now();
      if (now - last < sink.interval) return;
      last = now;
      sink.draw(updateLine(measure, done, now - start, note), 'update');
    },
    end(note) {
      sink.draw(endLine(measure, done, sink.now() - start, note), 'end');
    },
  };
}

/** `download: 12.0 MiB of 48.0 MiB (25 %), 6.0 MiB/s, 6 s left` */
export function updateLine(measure: Measure, done: number, elapsed: number, note?: string): string {
  const rate = elapsed > 0 ? done / (elapsed / 1000) : 0;
  const parts = [position(measure, done)];
  if (measure.unit === 'bytes' && rate > 0) parts.push(`${bytes(rate)}/s`);
  const left = measure.total === undefined || rate === 0 ? undefined : (measure.total - done) / rate;
  parts.push(
    left === undefined ? `${duration(elapsed)} so far` : `${duration(Math.max(0, left) * 1000)} left`,
  );
  if (note !== undefined && note !== '') parts.push(note);
  return `${measure.what}: ${parts.filter(part => part !== '').join(', ')}`;
}

export function endLine(measure: Measure, done: number, elapsed: number, note?: string): string {
  const amount = measure.unit === 'bytes' && done > 0 ? `${bytes(done)} in ` : '';
  return `${measure.what}: ${note === undefined || note === '' ? 'done' : note} (${amount}${duration(elapsed)})`;
}

function position({ total, unit }: Measure, done: number): string {
  const show = (value: number) => (unit === 'bytes' ? bytes(value) : String(Math.round(value)));
  if (total === undefined || total <= 0) return done === 0 ? '' : show(done);
  return `${show(done)} of ${show(total)} (${Math.min(100, Math.floor((done / total) * 100))} %)`;
}

/** `1.5 GiB`; below one KiB whole bytes. */
export function bytes(value: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let rest = value;
  let unit = 'B';
  while (rest >= 1024 && units.length > 0) {
    rest /= 1024;
    unit = units.shift() ?? unit;
  }
  return unit === 'B' ? `${Math.round(rest)} B` : `${rest.toFixed(1)} ${unit}`;
}

/** `12.3 s`, `4 min 05 s`, `1 h 02 min`. @param milliseconds */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
