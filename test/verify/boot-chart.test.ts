import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readChart } from '../../src/verify/boot-chart.ts';

const unit = (id: string, start: number, up: number) =>
  `Id=${id}\nInactiveExitTimestampMonotonic=${start}\nActiveEnterTimestampMonotonic=${up}\n`;

it('tells units in the order of their start, in seconds, without those that never started', () => {
  const text = [
    unit('cloud-init.service', 9_000_000, 12_500_000),
    unit('rescue.service', 0, 0),
    unit('ssh.service', 4_000_000, 4_250_000),
    'Id=half.service\n',
  ].join('\n');
  expect(readChart(text)).toEqual([
    { unit: 'ssh.service', start: 4, seconds: 0.25 },
    { unit: 'cloud-init.service', start: 9, seconds: 3.5 },
  ]);
});

it('keeps the forty that took longest', () => {
  const text = Array.from({ length: 60 }, (_, i) => unit(`u${i}.service`, 1 + i, 2 + 2 * i)).join('\n');
  const kept = readChart(text);
  expect(kept).toHaveLength(40);
  expect(kept[0]?.unit).toBe('u20.service');
});

it('makes nothing of what a guest says instead', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      for (const { unit: name, start, seconds } of readChart(text)) {
        expect([name.length <= 80, start > 0, seconds > 0]).toEqual([true, true, true]);
      }
    }),
  );
  expect(readChart(unit('\u001b[2J::error::x', 1, 2))[0]?.unit).not.toMatch(/\p{Cc}/u);
});
