import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PHASES } from '../../src/build/hooks.ts';
import type { Reason, Rule } from './compare.ts';

/** How one element fared, for the table in docs/elements.md. */
export interface Row {
  readonly element: string;
  /** Names of the groups it was built in. */
  readonly groups: readonly string[];
  readonly scripts: number;
  /** In words, one after the other. */
  readonly states: readonly string[];
}

/**
 * The phases' scripts of an element, as `install.d/50-motd`; those of install types are left out, and what nobody may
 * execute, which diskimage-builder passes over too.
 */
export async function scriptsOf(folder: string): Promise<string[]> {
  const phases = (await readdir(folder)).filter(name => Object.hasOwn(PHASES, name));
  const names = await Promise.all(
    phases.map(async phase => {
      const entries = await readdir(join(folder, phase), { withFileTypes: true });
      return entries
        .filter(each => each.isFile() && /^\d+-[0-9A-Za-z_-]+$/.test(each.name))
        .filter(each => (statSync(join(folder, phase, each.name)).mode & 0o111) !== 0)
        .map(each => `${phase}/${each.name}`);
    }),
  );
  return names.flat().sort();
}

const BEGIN = '<!-- elements -->';
const END = '<!-- /elements -->';

/** Puts the tables between the markers of the document. */
export function updateDocument(text: string, rows: readonly Row[], reasons: readonly string[]): string {
  const [before, after] = [text.split(BEGIN)[0], text.split(END)[1]];
  if (before === undefined || after === undefined) throw new Error(`no ${BEGIN} ... ${END}`);
  const table = [
    '| Element | Built in | Scripts that ran | State |',
    '|---|---|---|---|',
    ...rows.map(
      row =>
        `| ${row.element} | ${row.groups.join(', ')} | ${row.scripts || '-'} | ${row.states.join(', ')} |`,
    ),
  ];
  return `${before}${BEGIN}\n${table.join('\n')}\n\n${reasons.join('\n')}\n${END}${after}`;
}

/** The rules by their reason. */
export function reasonsTable(rules: readonly Rule[]): string[] {
  const order: readonly Reason[] = ['time', 'random', 'sealed', 'an element of ours'];
  const rows = [...rules]
    .sort((a, b) => order.indexOf(a.reason) - order.indexOf(b.reason))
    .map(rule => `| ${rule.reason} | \`${rule.name}\` | ${rule.why} |`);
  return ['| Reason | What differs | Why |', '|---|---|---|', ...rows];
}
