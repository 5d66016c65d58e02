import { stringify } from 'yaml';
import { inputsFor } from './inputs/index.ts';
import type { Command, Input } from './inputs/types.ts';

/** What is written from the table of inputs: action.yml and the README's tables. A test keeps them in step. */

/** The whole action.yml of a command that is an action. */
export function actionFile(command: Command): string {
  const { action = command.name, story, outputs } = command;
  const file = {
    name: `image-factory ${action}`,
    description: story,
    author: 'image-factory',
    branding: { icon: 'package', color: 'blue' },
    inputs: Object.fromEntries(inputsFor(command, 'action').map(input => [input.name, actionInput(input)])),
    outputs: Object.fromEntries(outputs.map(({ name, description }) => [name, { description }])),
    runs: {
      using: 'node24',
      main: `../dist/${action}.js`,
      ...(command.post && { post: '../dist/post.js', 'post-if': 'always()' }),
    },
  };
  return `# Made from actions/inputs.ts: UPDATE=1 npx vitest run test/actions/documents.test.ts\n${stringify(file, { lineWidth: 110 })}`;
}

function actionInput(input: Input) {
  const choices = input.choices === undefined ? '' : ` One of ${input.choices.join(', ')}.`;
  return {
    description: input.description + choices,
    required: input.required === true,
    ...(input.default !== undefined && { default: input.default }),
  };
}

/**
 * The README's text with the tables between `<!-- inputs:NAME -->` and `<!-- /inputs:NAME -->` (and `outputs`
 * likewise) written anew; NAME is a command or an action.
 * @throws TypeError for a marker that names neither, or has no end
 */
export function updateTables(readme: string, commands: readonly Command[]): string {
  return readme.replace(MARKER, (_all, kind: 'inputs' | 'outputs', name: string, end: string | undefined) => {
    const command = commands.find(({ name: word, action }) => word === name || action === name);
    if (command === undefined) throw new TypeError(`README: there is no command or action ${name}`);
    if (end === undefined) throw new TypeError(`README: no <!-- /${kind}:${name} --> after its beginning`);
    const table = kind === 'inputs' ? inputTable(command) : outputTable(command);
    return `<!-- ${kind}:${name} -->\n${table}\n<!-- /${kind}:${name} -->`;
  });
}

const MARKER = /<!-- (inputs|outputs):([a-z-]+) -->(?:[\s\S]*?(<!-- \/\1:\2 -->))?/g;

function inputTable(command: Command): string {
  const rows = command.inputs.map(input => {
    const notes = [
      input.required && 'Required.',
      input.only === 'action' && 'Action only.',
      input.only === 'command-line' && 'Command line only.',
    ].filter(note => typeof note === 'string');
    const choices = input.choices === undefined ? [] : [`One of ${input.choices.join(', ')}.`];
    const text = [...notes, input.description, ...choices].join(' ');
    return [`\`${input.name}\``, input.default === undefined ? '' : `\`${input.default}\``, text];
  });
  return table(['Input', 'Default', 'Meaning'], rows);
}

function outputTable(command: Command): string {
  return table(
    ['Output', 'Meaning'],
    command.outputs.map(({ name, description }) => [`\`${name}\``, description]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
