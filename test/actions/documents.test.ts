import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { actionFile, updateTables } from '../../actions/documents.ts';
import { BUILD } from '../../actions/inputs/chain.ts';
import { COMMANDS, inputsFor } from '../../actions/inputs/index.ts';

const root = join(import.meta.dirname, '../..');
const update = process.env.UPDATE === '1';
const actions = COMMANDS.flatMap(command =>
  command.action === undefined ? [] : [{ ...command, action: command.action }],
);

describe.each(actions)('$action/action.yml', command => {
  const path = join(root, command.action, 'action.yml');
  if (update) {
    mkdirSync(join(root, command.action), { recursive: true });
    writeFileSync(path, actionFile(command));
  }

  it('says what the table of inputs says', () => {
    expect(readFileSync(path, 'utf8')).toBe(actionFile(command));
  });

  it('has inputs and outputs by the names of the table, and starts what the build makes of it', () => {
    const file = parse(readFileSync(path, 'utf8'));
    expect(Object.keys(file.inputs)).toEqual(inputsFor(command, 'action').map(({ name }) => name));
    expect(Object.keys(file.outputs)).toEqual(command.outputs.map(({ name }) => name));
    expect(file.runs.using).toBe('node24');
    expect(file.runs.main).toBe(`../dist/${command.action}.js`);
    expect([undefined, '../dist/post.js']).toContain(file.runs.post);
  });
});

describe('the README', () => {
  const path = join(root, 'README.md');

  it.runIf(existsSync(path))('has the tables of the table of inputs', () => {
    const text = readFileSync(path, 'utf8');
    if (update) writeFileSync(path, updateTables(text, COMMANDS));
    expect(readFileSync(path, 'utf8')).toBe(updateTables(text, COMMANDS));
  });

  it('gets a table between its markers, and keeps the rest', () => {
    const before = 'a\n<!-- inputs:build-image -->\noutdated\n<!-- /inputs:build-image -->\nb\n';
    const after = updateTables(before, COMMANDS);
    expect(after).toMatch(/^a\n<!-- inputs:build-image -->\n\| Input \| Default \| Meaning \|\n/);
    expect(after).toMatch(/<!-- \/inputs:build-image -->\nb\n$/);
    expect(after).not.toContain('outdated');
    for (const { name } of BUILD.inputs) expect(after).toContain(`| \`${name}\` |`);
    expect(updateTables(after, COMMANDS)).toBe(after);
  });

  it.each([
    ['<!-- inputs:bild -->x<!-- /inputs:bild -->', 'no command or action bild'],
    ['<!-- outputs:build -->', 'no <!-- /outputs:build -->'],
  ])('with a wrong marker is refused: %s', (text, message) => {
    expect(() => updateTables(text, COMMANDS)).toThrow(message);
  });
});
