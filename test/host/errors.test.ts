import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  CheckError,
  CloudError,
  DefinitionError,
  describe as describeError,
  ElementError,
  exitStatus,
  HostError,
  NetworkError,
  TrustError,
} from '../../src/host/errors.ts';

describe('the errors a user can meet', () => {
  it.each([
    [DefinitionError, 2],
    [HostError, 3],
    [NetworkError, 4],
    [ElementError, 5],
    [CheckError, 6],
    [TrustError, 7],
    [CloudError, 8],
    [CancelledError, 130],
  ] as const)('%o ends with status %i', (each, status) => {
    const error = new each('what happened');
    expect(exitStatus(error)).toBe(status);
    expect(error.name).toBe(each.name);
  });

  it('ends with status 1 for anything else, which is our bug', () => {
    for (const thrown of [new Error('x'), 'text', undefined, null, { status: 7 }]) {
      expect(exitStatus(thrown)).toBe(1);
    }
  });
});

describe('describe', () => {
  it('puts the advice on the line, and each cause below it', () => {
    const root = new Error('connection refused');
    const cause = new Error('fetch failed', { cause: root });
    const error = new NetworkError('the mirror does not answer', { advice: 'check it', cause });
    expect(describeError(error)).toEqual({
      line: 'the mirror does not answer: check it',
      causes: ['fetch failed', 'connection refused'],
    });
  });

  it('says of an unknown error that it is internal, and where it came from', () => {
    const { line, causes } = describeError(new TypeError('x is not a function'));
    expect(line).toBe('internal error: x is not a function');
    expect(causes.join('\n')).toContain('errors.test.ts');
  });

  it('bears whatever was thrown', () => {
    expect(describeError('text')).toEqual({ line: 'internal error: text', causes: [] });
    expect(describeError(undefined).line).toBe('internal error: undefined');
  });

  it('ends when causes go in a circle', () => {
    const [a, b] = [new Error('a'), new Error('b')];
    a.cause = b;
    b.cause = a;
    expect(describeError(new HostError('c', { cause: a })).causes.length).toBeLessThan(20);
  });
});
