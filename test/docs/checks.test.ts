import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CLOUD_CHECKS, OPTIONAL_CHECKS } from '../../src/definition/builtin.ts';
import { CHECKS } from '../../src/verify/checks/index.ts';
import type { Check } from '../../src/verify/types.ts';

const PAGE = 'docs/checks.md';
const TABLE = /<!-- checks -->\n[\s\S]*<!-- \/checks -->/;

function when({ name }: Check): string {
  if ((OPTIONAL_CHECKS as readonly string[]).includes(name)) return 'by name';
  return (CLOUD_CHECKS as readonly string[]).includes(name) ? 'in a cloud' : 'always';
}

function row(check: Check): string {
  const kind = check.kind === 'offline' ? 'bytes' : 'guest';
  const severity = check.severity === 'warning' ? ', warns' : '';
  return `| \`${check.name}\` | ${check.protects} | ${kind}${severity} | ${check.places.join(', ')} | ${when(check)} |`;
}

function table(): string {
  const head = ['| Check | What it protects | Looks at | Where | Asked |', '|---|---|---|---|---|'];
  return ['<!-- checks -->', '', ...head, ...CHECKS.map(row), '', '<!-- /checks -->'].join('\n');
}

test(`${PAGE} has every check, as it says itself`, async () => {
  const page = await readFile(PAGE, 'utf8');
  const made = page.replace(TABLE, () => table());
  if (process.env.UPDATE === '1') await writeFile(PAGE, made);
  else expect(page).toBe(made);
  expect(
    made
      .match(TABLE)?.[0]
      .split('\n')
      .filter(line => line.startsWith('| `')),
  ).toHaveLength(CHECKS.length);
});
