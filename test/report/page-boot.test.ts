import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bootSection } from '../../src/report/page-boot.ts';
import { report } from './fixture.ts';

const drawn = (units: NonNullable<Parameters<typeof bootSection>[0]['units']>) =>
  bootSection({ ...report(), units })?.text;

it('is not there where nothing is known', () => {
  expect(bootSection(report())).toBeUndefined();
  expect(drawn([])).toBeUndefined();
});

it('draws a bar for each unit, from its start to its end, within the width', () => {
  const text = drawn([
    { unit: 'ssh.service', start: 5, seconds: 5 },
    { unit: 'cloud-init.service', start: 10, seconds: 10 },
  ]);
  expect(text).toContain('<rect x="250.0" y="4" width="250.0" height="12"/>');
  expect(text).toContain('<rect x="500.0" y="24" width="500.0" height="12"/>');
  expect(text).toContain('viewBox="0 0 1000 40"');
});

it('takes the name of a unit for text, whatever it is', () => {
  fc.assert(
    fc.property(fc.string(), unit => {
      const text = drawn([{ unit: `<script>${unit}"><img>`, start: 1, seconds: 1 }]) ?? '';
      expect(text).not.toMatch(/<script|<img/);
      expect(text.match(/<text /g)).toHaveLength(1);
    }),
  );
});
