import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Built,
  buildOurs,
  buildReference,
  hasReference,
  installedElements,
  installReference,
} from '../elements/builds.ts';
import { type Judgement, judge, tell } from '../elements/compare.ts';
import { GROUPS, type Group } from '../elements/groups.ts';
import { RULES } from '../elements/rules.ts';
import { type Row, reasonsTable, scriptsOf, updateDocument } from '../elements/table.ts';
import { enabledServices, packageVersions, readTree, type Tree } from '../elements/tree.ts';
import { run } from '../end-to-end/program.ts';

const DOCUMENT = resolve('docs/elements.md');
const judgements: Judgement[] = [];
const rows = new Map<string, Row>();

beforeAll(installReference);

describe.each(GROUPS)('the elements of group $name', group => {
  let work = '';
  let built: Built | undefined;
  let ours: Tree | undefined;
  let theirs: Tree | undefined;

  beforeAll(async () => {
    work = await mkdtemp('/var/tmp/image-factory-elements-');
    built = await buildOurs(group, join(work, 'ours'));
    ours = await readTree(built.raw);
    if (await hasReference(group)) theirs = await readTree(await buildReference(group, join(work, 'theirs')));
  });

  afterAll(async () => {
    await ours?.close();
    await theirs?.close();
    await rm(work, { recursive: true, force: true });
  });

  it('run all their scripts', async () => {
    const installed = await installedElements();
    for (const name of group.elements) {
      const scripts = existsSync(join(installed, name)) ? await scriptsOf(join(installed, name)) : [];
      for (const script of scripts) expect(built?.steps, `${name}: ${script}`).toContain(script);
      note(group, name, scripts.length);
    }
  });

  it('install the packages and enable the services that disk-image-create does', context => {
    if (ours === undefined || theirs === undefined) return context.skip();
    expect(packageVersions(ours)).toEqual(packageVersions(theirs));
    expect(enabledServices(ours)).toEqual(enabledServices(theirs));
  });

  it('give the tree that disk-image-create makes of them, but for time, random, sealed, ours', async context => {
    if (ours === undefined || theirs === undefined) return context.skip();
    const judgement = await judge(ours, theirs, RULES);
    expect(judgement.unexplained.map(tell)).toEqual([]);
    judgements.push(judgement);
    for (const name of group.elements) note(group, name, undefined, 'the same tree');
  });

  it.runIf(group.name === 'cloud').each(['bios', 'uefi'])('boot under %s', async firmware => {
    const { status, output } = await run(['verify', '--firmware', firmware, built?.bundle ?? '']);
    expect(status, output).toBe(0);
    for (const name of group.elements) note(group, name, undefined, `boots under ${firmware.toUpperCase()}`);
  });
});

function note(group: Group, element: string, scripts?: number, state?: string): void {
  const before = rows.get(element) ?? { element, groups: [], scripts: 0, state: '' };
  const states = [...before.state.split(', '), state ?? ''].filter(each => each !== '');
  rows.set(element, {
    element,
    groups: [...new Set([...before.groups, group.name])],
    scripts: scripts ?? before.scripts,
    state: [...new Set(states)].join(', '),
  });
}

describe('over all groups', () => {
  it('there is no rule that explains nothing', () => {
    const unused = RULES.filter(rule => !judgements.some(each => each.explained.get(rule)?.length));
    expect(unused.map(rule => rule.name)).toEqual([]);
  });

  it('docs/elements.md says how each element fared', async () => {
    const installed = await installedElements();
    const sorted = [...rows.values()]
      .filter(row => existsSync(join(installed, row.element)))
      .sort((a, b) => (a.element < b.element ? -1 : 1));
    const text = await readFile(DOCUMENT, 'utf8');
    const updated = updateDocument(text, sorted, reasonsTable(judgements));
    if (process.env.UPDATE === '1') await writeFile(DOCUMENT, updated);
    expect(await readFile(DOCUMENT, 'utf8')).toBe(updated);
  });
});
