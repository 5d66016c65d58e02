import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
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
  beforeAll(() => findings.takeKept(GROUPS));

  it('there is no rule that explains nothing', () => {
    expect([...findings.ruleNames()].sort()).toEqual(RULES.map(rule => rule.name).sort());
  });

  it('docs/elements.md says how each element fared', async () => {
    const installed = await installedElements();
    const rows = findings.rows().filter(row => existsSync(join(installed, row.element)));
    const text = await readFile(DOCUMENT, 'utf8');
    const updated = updateDocument(text, rows, reasonsTable(RULES));
    if (process.env.UPDATE === '1') await writeFile(DOCUMENT, updated);
    expect(await readFile(DOCUMENT, 'utf8')).toBe(updated);
  });
});
