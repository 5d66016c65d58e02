import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUILD, PROMOTE, RUN, SIGN } from '../../actions/inputs/chain.ts';
import { COMMANDS } from '../../actions/inputs/index.ts';
import { withoutInputs, withSecrets } from '../../actions/secrets.ts';
import { actionSource, readValues, type Source } from '../../actions/values.ts';
import { createContext } from '../../src/host/context.ts';
import { DefinitionError } from '../../src/host/errors.ts';
import { silentLog } from '../../src/host/log.ts';

function commandLine(words: Readonly<Record<string, string>>): Source {
  return { place: 'command-line', text: ({ name }) => words[name], label: ({ name }) => `--${name}` };
}

describe('inputs of an action', () => {
  it('are read once into a typed object', () => {
    const env = {
      INPUT_IMAGE: ' debian-12 ',
      INPUT_OUTPUT: 'out',
      'INPUT_INSTALL-TOOLS': 'TRUE',
      INPUT_MIRROR: '',
      'INPUT_MIRROR-TIMEOUT': '90',
    };
    expect(readValues(BUILD, actionSource(env))).toEqual({
      ...{ cold: 'auto', force: false, layers: 10, layerAge: 24 },
      image: 'debian-12',
      output: resolve('out'),
      mirrorTimeout: 90,
      installTools: true,
      cache: false,
      shareLayers: false,
    });
  });

  it('may be lists over several lines', () => {
    expect(readValues(RUN, actionSource({ INPUT_IMAGES: 'a\nb, c' })).images).toEqual(['a', 'b', 'c']);
  });

  it.each([
    [PROMOTE, { INPUT_BUNDLE: 'b' }, 'input stage is missing: Stage of the factory file'],
    [
      PROMOTE,
      { INPUT_BUNDLE: 'b', INPUT_STAGE: 's', INPUT_ACCEL: 'autoo' },
      'expected auto, kvm or tcg, did you mean auto?',
    ],
    [BUILD, { INPUT_CACHE: 'yes' }, 'input cache is "yes": expected true or false'],
    ...['0', '-5', '1.5', '30s', '1e9', '0x10'].map(
      text =>
        [
          BUILD,
          { 'INPUT_MIRROR-TIMEOUT': text },
          `input mirror-timeout is "${text}": expected a whole number from 1 to 999999`,
        ] as const,
    ),
    [BUILD, { INPUT_OUTPUT: 'a\nb' }, 'input output has more than one line'],
  ] as const)('that are wrong are named: %#', (command, env, message) => {
    const read = () => readValues(command, actionSource(env));
    expect(read).toThrow(DefinitionError);
    expect(lineOf(read)).toContain(message);
  });
});

describe('inputs of the command line', () => {
  it('hold no secret, and the message does not repeat one', () => {
    const line = lineOf(() => readValues(SIGN, commandLine({ bundle: 'b', passphrase: 'hunter2' })));
    expect(line).toBe(
      '--passphrase must not hold the secret itself on a command line: give env:NAME or file:PATH',
    );
  });

  it.each(['', ' '])('are not empty: %j', text => {
    expect(lineOf(() => readValues(BUILD, commandLine({ output: text })))).toBe('--output is empty');
  });

  it('install tools by default when the whole chain runs', () => {
    expect(readValues(RUN, commandLine({})).installTools).toBe(true);
    expect(readValues(BUILD, commandLine({})).installTools).toBe(false);
  });
});

describe('secrets', () => {
  const told: string[] = [];
  const log = { ...silentLog, secret: (value: string) => void told.push(value) };

  it('given as text become references that no child can follow, and are masked', () => {
    const { context, values } = withSecrets(createContext({ log }), {
      signingKey: 'armor',
      passphrase: 'pass',
    });
    expect(values).toEqual({
      signingKey: 'env:IMAGE_FACTORY_SIGNING_KEY',
      passphrase: 'env:IMAGE_FACTORY_PASSPHRASE',
    });
    expect(context.env).toEqual({ IMAGE_FACTORY_SIGNING_KEY: 'armor', IMAGE_FACTORY_PASSPHRASE: 'pass' });
    expect(told).toEqual(['armor', 'pass']);
  });

  it('named by a variable that is not set are a mistake', () => {
    const read = () => withSecrets(createContext({ log }), { passphrase: 'env:NOBODY' });
    expect(lineOf(read)).toBe('passphrase names the environment variable NOBODY, which is not set');
  });

  it('are not left in the environment that the chain sees', () => {
    expect(withoutInputs({ INPUT_PASSPHRASE: 'x', HOME: '/h' })).toEqual({ HOME: '/h' });
  });
});

it('every input and output has a whole sentence, and no name twice', () => {
  for (const { inputs, outputs, name } of COMMANDS) {
    for (const { description } of [...inputs, ...outputs]) expect(description).toMatch(/^.+\.$/s);
    const names = inputs.map(input => input.name);
    expect(new Set(names).size, name).toBe(names.length);
  }
});

function lineOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof DefinitionError) return error.line;
    throw error;
  }
  throw new Error('nothing was thrown');
}
