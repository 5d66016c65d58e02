import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsoleStream, MOST_SHOWN } from '../../src/boot/console-stream.ts';
import { lineSplitter } from '../../src/host/process.ts';
import { PLATFORMS, stage } from '../runner/support.ts';

function streamed(text: string) {
  const shown: string[] = [];
  const told: string[] = [];
  const log = {
    info: (line: string) => void told.push(line),
    untrusted: (source: string, line: string) => void shown.push(`${source} | ${line}`),
  };
  const stream = new ConsoleStream(log, 'drive');
  const lines = lineSplitter(line => stream.line(line));
  lines.write(text);
  lines.end();
  return { shown, told };
}

const FRAME = `\u001b[4;2H+${'-'.repeat(76)}+\u001b[5;2H|\u001b[5;79H|\u001b[m\u001b[18;2H`;
const GRUB =
  `\u001b[H\u001b[J\u001b[1;1H\u001b[?25l\u001b[m\u001b[H\u001b[J\u001b[1;1H\u001b[2;24HGNU GRUB  version 2.06\r\n\r\n` +
  `\r\u001b[m${FRAME}     before booting.     \u001b[5;80H \u001b[7m\u001b[5;3H*Debian GNU/Linux    \u001b[m` +
  `\u001b[6;3H Advanced options   \u001b[m\u001b[6;78H\u001b[m\r\nLoading Linux 6.1.0 ...\r\n`;

describe('the console in the log', () => {
  it('has the menu of a boot loader line by line, without its frame', () => {
    expect(streamed(GRUB).shown).toEqual([
      'guest drive | GNU GRUB  version 2.06',
      'guest drive |      before booting.',
      'guest drive | *Debian GNU/Linux',
      'guest drive |  Advanced options',
      'guest drive | Loading Linux 6.1.0 ...',
    ]);
  });

  it('says once what systemd waits for', () => {
    const waits = ['(5s / no limit)', '(6s / no limit)', '(7s / no limit)'].map(
      (time, index) =>
        `\r\u001b[K[${'*'.repeat(index + 1).padStart(6)}] A start job is running for Hang ${time}`,
    );
    expect(streamed([...waits, '\r\n[  OK  ] Hang.', waits[0], '\n'].join('')).shown).toEqual([
      'guest drive | [     *] A start job is running for Hang (5s / no limit)',
      'guest drive | [  OK  ] Hang.',
      'guest drive | [     *] A start job is running for Hang (5s / no limit)',
    ]);
  });

  it('ends with one line of ours when a guest floods it', () => {
    const { shown, told } = streamed(`${'noise '.repeat(200)}\n`.repeat(5000));
    expect(shown.join('').length).toBeLessThan(1.1 * MOST_SHOWN);
    expect(told).toEqual(['guest drive writes more than 256 KiB: the rest is in its console log alone']);
  });

  it('shows of any text no more than its letters, in lines of bounded length', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('\u001b[', '\u001b]0;', '\r', '\n', 'H'))),
        parts => {
          for (const line of streamed(parts.join('')).shown) {
            expect(line).toMatch(/^guest drive \| [^\p{Cc}]*[\p{L}\p{N}][^\p{Cc}]*$/u);
            expect(line.length).toBeLessThan(600);
          }
        },
      ),
    );
  });

  it.each(['github', 'gitlab', 'terminal'] as const)('gives no order to a runner: %s', kind => {
    const { runner, written } = stage(PLATFORMS[kind], { verbose: true });
    const stream = new ConsoleStream(runner.log, 'first');
    for (const line of ['::error::FORGED', '\u001b[2J##[error]FORGED', '::add-mask::debian'])
      stream.line(line);
    runner.close();
    const lines = written()
      .split('\n')
      .filter(line => line !== '');
    expect(lines.filter(line => line.includes('guest first | '))).toHaveLength(3);
    for (const line of lines) expect(line).not.toMatch(/^::(?:error|add-mask)|##\[/);
  });
});
