import { expect, it } from 'vitest';
import { reportFiles } from '../../src/report/files.ts';
import { formatBytes, formatSeconds, formatTime } from '../../src/report/format.ts';
import { report } from './fixture.ts';

it('puts the report, JUnit and a clean console beside a verdict', () => {
  const files = reportFiles(report(), [{ name: 'first', console: 'boot\u001b[2J\r\nlogin:\u0007' }]);
  expect(Object.keys(files)).toEqual(['report.json', 'junit.xml', 'console.log']);
  expect(JSON.parse(String(files['report.json']))).toEqual(report());
  expect(files['console.log']).toBe('boot\nlogin:');
});

it('puts a picture of the screen there as it is', () => {
  const screen = Buffer.from([0x89, 0, 255, 10]);
  const drive = { name: 'drive', console: 'x', screen };
  const files = reportFiles(report(), [{ name: 'first', console: '', screen }, drive]);
  expect(files['screen.png']).toEqual(screen);
  expect([files['console-drive.log'], files['screen-drive.png']]).toEqual(['x', screen]);
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [205 * 1024 ** 2, '205 MiB'],
  [1.4 * 1024 ** 3, '1.4 GiB'],
  [5000 * 1024 ** 4, '5000 TiB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it.each([
  [0.04, '0.0 s'],
  [62.4, '62 s'],
  [185, '3 min 5 s'],
])('%d seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

it.each([
  ['2026-11-21T04:05:06.000Z', '2026-11-21 04:05 UTC'],
  ['yesterday', 'yesterday'],
])('%s is %s', (iso, text) => expect(formatTime(iso)).toBe(text));
