import { expect } from 'vitest';
import { obeyed } from '../actions/runner-commands.ts';
import { FORGED } from './shared-image.ts';

/** The key is told to the runner's mask, and to nobody else. */
export function expectKeyHidden(stdout: string): void {
  const masks = obeyed(stdout).filter(({ command }) => command === 'add-mask');
  expect(masks[0]?.data).toMatch(/^-----BEGIN PGP PRIVATE KEY BLOCK-----%0A/);
  const rest = stdout.split('\n').filter(line => !line.startsWith('::add-mask::'));
  for (const { data } of masks) expect(rest.join('\n')).not.toContain(data);
}

/** Nothing that was forged is obeyed, all of it can be read, and no control character is left. */
export function expectNothingForged(stdout: string): void {
  const commands = obeyed(stdout);
  expect(commands.filter(({ data }) => data.startsWith('FORGED') || data === 'debian')).toEqual([]);
  const groups = commands.filter(({ command }) => /^(end)?group$/.test(command));
  for (const [turn, { command }] of groups.entries())
    expect(command).toBe(turn % 2 === 0 ? 'group' : 'endgroup');
  expect(
    commands.filter(({ command }) => !/^(group|endgroup|debug|warning|add-mask)$/.test(command)),
  ).toEqual([]);
  expect(stdout.split('FORGED').length).toBeGreaterThanOrEqual(FORGED.join().split('FORGED').length);
  expect(stdout.replaceAll(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
}
