import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMask } from '../../src/runner/mask.ts';
import { PLATFORMS, stage } from './support.ts';

const ARMOR = `-----BEGIN PGP PRIVATE KEY BLOCK-----

lIYEZxQWhhYJKwYBBAHaRw8BAQdAq1
=h7Ux
-----END PGP PRIVATE KEY BLOCK-----`;

describe('a mask', () => {
  it('hides a value, its lines and its usual encodings', () => {
    const mask = createMask();
    mask.add(ARMOR);
    for (const line of ['lIYEZxQWhhYJKwYBBAHaRw8BAQdAq1', '=h7Ux'])
      expect(mask.apply(`a ${line} b`)).toBe('a *** b');
    expect(mask.apply(JSON.stringify({ key: ARMOR }))).toBe('{"key":"***"}');
    expect(mask.apply(Buffer.from(ARMOR).toString('base64'))).toBe('***');
    expect(mask.apply('-----BEGIN PGP PRIVATE KEY BLOCK-----')).toContain('BEGIN');
  });

  it('hides a longer secret whole when a shorter one is inside it', () => {
    const mask = createMask();
    mask.add('word');
    mask.add('password');
    expect(mask.apply('my password and word')).toBe('my *** and ***');
  });

  it('ignores an empty value', () => {
    const mask = createMask();
    expect(mask.add(' \n')).toEqual([]);
    expect(mask.apply('abc')).toBe('abc');
  });
});

const secrets = fc
  .string({ unit: 'grapheme-ascii', minLength: 4, maxLength: 40 })
  .map(text => text.trim())
  .filter(text => text.length >= 4 && !text.includes('*'));

describe.each(Object.entries(PLATFORMS))('on %s a secret', (_kind, env) => {
  it('never reaches the log, whichever way it is said', () => {
    fc.assert(
      fc.property(secrets, secret => {
        const { runner, written } = stage(env, { verbose: true });
        runner.log.secret(secret);
        const before = written().length;
        const sentence = `x${secret}y`;
        for (const say of ['info', 'warn', 'error', 'debug'] as const) runner.log[say](sentence);
        runner.log.untrusted(sentence, sentence);
        runner.log.untrusted('e', [...sentence].join('\u001b[0m'));
        runner.log.progress(sentence).end(sentence);
        runner.failure(sentence, [sentence]);
        const shown = written().slice(before);
        // A secret such as "info" may stand in our own words.
        const words = stage(env, { verbose: true });
        for (const say of ['info', 'warn', 'error', 'debug'] as const) words.runner.log[say]('x***y');
        words.runner.log.untrusted('x***y', 'x***y');
        words.runner.log.progress('x***y').end('x***y');
        words.runner.failure('x***y', []);
        fc.pre(!words.written().includes(secret));
        expect(shown).not.toContain(secret);
      }),
    );
  });
});

it('a secret with the mark of a command in it is hidden before the mark is broken', () => {
  const { runner, written } = stage(PLATFORMS.terminal);
  runner.log.secret('pa::ss##[word');
  runner.log.info('x pa::ss##[word y');
  expect(written()).toBe('x *** y\n');
});

it('GitHub learns of a secret, every line of it, before anything is said', () => {
  const { runner, written } = stage(PLATFORMS.github);
  runner.log.secret('100%\nsecond-line');
  expect(written()).toContain('::add-mask::100%25%0Asecond-line\n');
  expect(written()).toContain('::add-mask::second-line\n');
});
