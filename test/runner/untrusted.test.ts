import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PLATFORMS, stage } from './support.ts';

/**
 * What GitHub's runner takes for a command, after its sources (ActionCommand.TryParseV2 and TryParse): `::` at
 * the beginning of a line, white space aside, and `##[` anywhere in it.
 */
function isCommand(line: string): boolean {
  return /^\s*::/.test(line) || line.includes('##[');
}

/** The lines of a log that the runner would obey; a carriage return or a form feed may end a line somewhere. */
function commands(log: string): string[] {
  return log.split(/[\n\r\v\f\u0085\u2028\u2029]/).filter(isCommand);
}

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '::',
        ':',
        '##[',
        '##',
        '[',
        '#',
        '\r',
        '\n',
        '\u001b',
        '\u001b[0K',
        '\u001b[2J',
        ' ',
        '\t',
      ),
      fc.constantFrom(
        '::set-output name=a::b',
        '::add-mask::x',
        '##[command]',
        '::stop-commands::t',
        '::endgroup::',
      ),
      fc.constantFrom(
        'section_start:1:x',
        '\u2028',
        '\u0085',
        '\u200e',
        '\v',
        '\f',
        '\u0000',
        '\u009b',
        'secret',
      ),
      fc.string({ unit: 'binary' }),
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''));

describe('output of elements and guests', () => {
  it('is no workflow command on GitHub, however it is put together', () => {
    fc.assert(
      fc.property(hostile, fc.string({ unit: 'binary' }), (line, source) => {
        const { runner, written } = stage(PLATFORMS.github);
        runner.log.untrusted(source, line);
        const token = `image-factory-${'01'.repeat(16)}`;
        expect(commands(written())).toEqual([`::stop-commands::${token}`]);
      }),
      { numRuns: 500 },
    );
  });

  it('in a sentence of ours is no workflow command either', () => {
    fc.assert(
      fc.property(hostile, line => {
        const { runner, written } = stage(PLATFORMS.github);
        runner.log.info(line);
        runner.failure(line, [line]);
        runner.log.progress(line).end(line);
        expect(commands(written()).filter(command => !command.startsWith('::error::'))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['gitlab', 'terminal'] as const)('reaches a %s log without control characters', kind => {
    fc.assert(
      fc.property(hostile, line => {
        const { runner, written } = stage(PLATFORMS[kind], { verbose: true });
        runner.log.untrusted('guest', line);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(written()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
      }),
    );
  });

  it('stops commands once for many lines, and lets ours through again', () => {
    const { runner, written } = stage(PLATFORMS.github);
    runner.log.untrusted('e', 'one');
    runner.log.untrusted('e', 'two');
    runner.log.warn('ours');
    runner.log.untrusted('e', 'three');
    runner.close();
    const [first, second] = ['01', '02'].map(byte => `image-factory-${byte.repeat(16)}`);
    expect(written().trim().split('\n')).toEqual([
      `::stop-commands::${first}`,
      'e | one',
      'e | two',
      `::${first}::`,
      '::warning::ours',
      `::stop-commands::${second}`,
      'e | three',
      `::${second}::`,
    ]);
  });
});
