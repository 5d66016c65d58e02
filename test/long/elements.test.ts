import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installedElements } from '../elements/builds.ts';
import { GROUPS } from '../elements/groups.ts';
import { RULES } from '../elements/rules.ts';
import { compareFailure, compareGroup, Findings } from '../elements/suite.ts';
import { reasonsTable, updateDocument } from '../elements/table.ts';

const DOCUMENT = resolve('docs/elements.md');
const findings = new Findings();

for (const group of GROUPS) {
  if (group.fails === undefined) compareGroup(group, findings);
  else compareFailure(group, group.fails, findings);
}

describe('over all groups', () => {
  it('there is no rule that explains nothing', () => {
    const unused = RULES.filter(rule => !findings.judgements.some(each => each.explained.get(rule)?.length));
    expect(unused.map(rule => rule.name)).toEqual([]);
  });

  it('docs/elements.md says how each element fared', async () => {
    const installed = await installedElements();
    const sorted = [...findings.rows.values()]
      .filter(row => existsSync(join(installed, row.element)))
      .sort((a, b) => (a.element < b.element ? -1 : 1));
    const text = await readFile(DOCUMENT, 'utf8');
    const updated = updateDocument(text, sorted, reasonsTable(findings.judgements));
    if (process.env.UPDATE === '1') await writeFile(DOCUMENT, updated);
    expect(await readFile(DOCUMENT, 'utf8')).toBe(updated);
  });
});
