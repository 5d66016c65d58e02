import { CommanderError, Option, Command as Program } from 'commander';
import { DefinitionError } from '../src/host/errors.ts';
import { report } from './action.ts';
import { helpAfter, helpOfAll } from './help.ts';
import { inputsFor } from './inputs/index.ts';
import type { Command, Input } from './inputs/types.ts';
import { WORKS, type Work } from './performers.ts';
import { inSession, type Session } from './process.ts';
import { camelCase, type Source } from './values.ts';

/** What commander has understood: which work, and the words given for it. */
interface Chosen {
  readonly work: Work;
  readonly source: Source;
}

/** @param argv the words after the program's name */
export function runCommandLine(argv: readonly string[]): Promise<never> {
  const verbose = argv.includes('--verbose');
  return inSession({ verbose, out: process.stderr }, async session => {
    const chosen = await understand(argv, text => process.stdout.write(text));
    if (chosen !== undefined) await carryOut(session, chosen);
  });
}

async function carryOut(session: Session, { work, source }: Chosen): Promise<void> {
  const { runner, context } = session;
  const outcome = await work.prepare(source).perform(context, runner.job);
  for (const line of outcome.lines) process.stdout.write(`${line}\n`);
  report(session, outcome);
}

/**
 * Reads the words of a command line.
 * @returns undefined when help or the version was asked for and printed
 * @throws DefinitionError for an unknown word, with the nearest known one
 */
export async function understand(
  argv: readonly string[],
  print: (text: string) => void,
): Promise<Chosen | undefined> {
  let chosen: Chosen | undefined;
  const program = createProgram(print, choice => {
    chosen = choice;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw wrongWords(error, argv);
  }
  return chosen;
}

function createProgram(print: (text: string) => void, choose: (chosen: Chosen) => void): Program {
  const program = new Program('image-factory')
    .description('Operating-system images for clouds: built, booted, tested, signed and promoted.')
    .version('0.1.0', '--version', 'print the version')
    // `build --version 20261121.1` is the build's own option.
    .enablePositionalOptions()
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', helpOfAll());
  quieten(program, print);
  for (const work of WORKS) {
    const command = program.command(work.command.name);
    quieten(command, print);
    describeCommand(command, work.command);
    command.action(() => choose({ work, source: sourceOf(command, work.command) }));
  }
  return program;
}

/** Errors are ours to print; what commander prints is help. */
function quieten(program: Program, print: (text: string) => void): void {
  program.exitOverride().configureOutput({ writeOut: print, writeErr: () => {}, outputError: () => {} });
}

function describeCommand(program: Program, command: Command): void {
  program.summary(command.summary).description(command.story).addHelpText('after', helpAfter(command));
  for (const input of inputsFor(command, 'command-line')) {
    if (input.argument) program.argument(argumentOf(input), input.description);
    else program.addOption(optionOf(input));
  }
  program.option('--verbose', 'show what elements and guests print, and more');
}

function argumentOf(input: Input): string {
  if (input.kind === 'list' || input.kind === 'words') return `[${input.name.toUpperCase()}...]`;
  return input.required ? `<${input.name.toUpperCase()}>` : `[${input.name.toUpperCase()}]`;
}

const PLACEHOLDERS: Readonly<Record<Input['kind'], string>> = {
  number: 'number',
  text: 'TEXT',
  choice: 'WORD',
  list: 'NAMES',
  words: 'WORDS',
  path: 'PATH',
  secret: 'env:NAME|file:PATH',
  flag: '',
};

function optionOf(input: Input): Option {
  const description = describeInput(input);
  if (input.kind !== 'flag') return new Option(`--${input.name} <${PLACEHOLDERS[input.kind]}>`, description);
  return input.default === 'true'
    ? new Option(`--no-${input.name}`, `Do not: ${description}`)
    : new Option(`--${input.name}`, description);
}

/** Choices and default are checked and filled in where actions have them checked: in values.ts. */
function describeInput(input: Input): string {
  const choices = input.choices === undefined ? '' : ` One of ${input.choices.join(', ')}.`;
  const given = input.kind === 'flag' || input.default === undefined ? '' : ` Default: ${input.default}.`;
  return input.description + choices + given;
}

function sourceOf(program: Program, command: Command): Source {
  const positional = inputsFor(command, 'command-line').filter(input => input.argument);
  const words = (input: Input): unknown =>
    input.argument
      ? program.processedArgs[positional.indexOf(input)]
      : program.getOptionValue(camelCase(input.name));
  return {
    place: 'command-line',
    text(input) {
      const value = words(input);
      if (Array.isArray(value) && value.length === 0) return undefined;
      if (input.kind === 'words') return JSON.stringify(value);
      if (Array.isArray(value)) return value.join(' ');
      return value === undefined ? undefined : String(value);
    },
    label: input => (input.argument ? input.name.toUpperCase() : `--${input.name}`),
  };
}

/** Commander's sentence in one line, and where to read on. */
function wrongWords(error: CommanderError, argv: readonly string[]): DefinitionError {
  const known = WORKS.find(({ command }) => command.name === argv[0]);
  const help = `image-factory ${known === undefined ? '' : `${known.command.name} `}--help tells what there is`;
  if (error.code === 'commander.help') return new DefinitionError('no command was given', { advice: help });
  const sentence = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return new DefinitionError(sentence, { advice: help });
}
