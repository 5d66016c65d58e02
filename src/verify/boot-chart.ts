import { clean } from '../host/log.ts';

/** A unit's start at the first boot. */
export interface UnitTime {
  readonly unit: string;
  /** Seconds since the kernel was started. */
  readonly start: number;
  /** Seconds from there until it was up. */
  readonly seconds: number;
}

/** More are not told of: the longest ones count. */
const MOST = 40;
const MICROSECONDS = 1_000_000;
const PROPERTIES = ['Id', 'InactiveExitTimestampMonotonic', 'ActiveEnterTimestampMonotonic'];

/** What the guest is asked for the chart: when each unit began to start, and when it was up. */
export const CHART = `systemctl show '*.service' '*.mount' '*.target' --property=${PROPERTIES.join(',')}`;

/** The units that took longest, in the order of their start; empty for what cannot be read. */
export function readChart(text: string): UnitTime[] {
  return text
    .split(/\n\s*\n/)
    .map(unitTime)
    .filter(each => each !== undefined)
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, MOST)
    .sort((one, other) => one.start - other.start);
}

function unitTime(block: string): UnitTime | undefined {
  const values = new Map(
    block.split('\n').map(line => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
  );
  const [unit, start, up] = PROPERTIES.map(name => values.get(name));
  const [from, to] = [Number(start), Number(up)];
  // 0: it never did.
  if (unit === undefined || !(from > 0) || !(to > from)) return undefined;
  return { unit: clean(unit).slice(0, 80), start: from / MICROSECONDS, seconds: (to - from) / MICROSECONDS };
}
