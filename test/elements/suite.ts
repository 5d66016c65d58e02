import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../end-to-end/program.ts';
import { type Built, buildOurs, buildReference, installedElements, installReference } from './builds.ts';
import { type Judgement, judge, tell } from './compare.ts';
import type { Group } from './groups.ts';
import { RULES } from './rules.ts';
import { type Row, scriptsOf } from './table.ts';
import { enabledServices, packageVersions, readTree, type Tree } from './tree.ts';

/** Where builds are kept for the next run, and taken from; absent: nowhere. */
const KEPT = process.env.IMAGE_FACTORY_TEST_ELEMENTS;

/** What the tests of one group found out. */
interface Found {
  readonly rows: Map<string, Row>;
  /** Names of the rules that explained a difference. */
  readonly rules: Set<string>;
}

/** What the tests of groups found out; kept beside their builds, so that each may run by itself. */
export class Findings {
  readonly #groups = new Map<string, Found>();

  note({ name }: Group, element: string, { scripts, state }: { scripts?: number; state: string }): void {
    const { rows } = this.#of(name);
    const before = rows.get(element);
    const states = [...(before?.states ?? []), state];
    rows.set(element, { element, groups: [name], scripts: scripts ?? before?.scripts ?? 0, states });
  }

  explained({ name }: Group, { explained }: Judgement): void {
    for (const [rule, differences] of explained)
      if (differences.length > 0) this.#of(name).rules.add(rule.name);
  }

  #of(group: string): Found {
    const found = this.#groups.get(group) ?? { rows: new Map(), rules: new Set() };
    this.#groups.set(group, found);
    return found;
  }

  async keep({ name }: Group): Promise<void> {
    if (KEPT === undefined) return;
    const { rows, rules } = this.#of(name);
    await mkdir(join(KEPT, name), { recursive: true });
    await writeFile(fileOf(name), JSON.stringify({ rows: [...rows], rules: [...rules] }));
  }

  /** Of groups that have not run here, what was kept. @throws Error when there is nothing of one */
  async takeKept(groups: readonly Group[]): Promise<void> {
    for (const { name } of groups) {
      if (this.#groups.has(name)) continue;
      const { rows, rules } = JSON.parse(await readFile(fileOf(name), 'utf8'));
      this.#groups.set(name, { rows: new Map(rows), rules: new Set(rules) });
    }
  }

  /** Over all groups, sorted by element. */
  rows(): Row[] {
    const all = new Map<string, Row>();
    for (const each of [...this.#groups.values()].flatMap(({ rows }) => [...rows.values()])) {
      const { groups = [], states = [] } = all.get(each.element) ?? {};
      all.set(each.element, {
        ...each,
        groups: [...groups, ...each.groups],
        states: [...new Set([...states, ...each.states])],
      });
    }
    return [...all.values()].sort((a, b) => (a.element < b.element ? -1 : 1));
  }

  ruleNames(): Set<string> {
    return new Set([...this.#groups.values()].flatMap(({ rules }) => [...rules]));
  }
}

const fileOf = (group: string) => join(KEPT ?? '', group, 'findings.json');

/**
 * That no script of diskimage-builder's elements in a group was passed over.
 * @returns how many scripts each has
 */
export async function expectAllScripts(
  group: Group,
  steps: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const installed = await installedElements();
  const ran = new Map<string, number>();
  for (const name of group.elements) {
    const scripts = existsSync(join(installed, name)) ? await scriptsOf(join(installed, name)) : [];
    for (const script of scripts) expect(steps, `${name}: ${script}`).toContain(script);
    ran.set(name, scripts.length);
  }
  return ran;
}

/** Builds a group by both, and tells tests to the runner. */
export function compareGroup(group: Group, findings: Findings): void {
  describe(`the elements of group ${group.name}`, () => {
    let work = '';
    let built: Built | undefined;
    let ours: Tree | undefined;
    let theirs: Tree | undefined;

    beforeAll(async () => {
      await installReference();
      work = KEPT === undefined ? await mkdtemp('/var/tmp/image-factory-elements-') : join(KEPT, group.name);
      await mkdir(work, { recursive: true });
      built = await buildOurs(group, join(work, 'ours'));
      ours = await readTree(built.raw);
      theirs = await readTree(await buildReference(group, join(work, 'theirs')));
    });

    afterEach(() => findings.keep(group));

    afterAll(async () => {
      await ours?.close();
      await theirs?.close();
      if (KEPT === undefined) await rm(work, { recursive: true, force: true });
    });

    it('run all their scripts', async () => {
      const ran = await expectAllScripts(group, built?.steps ?? new Set());
      for (const [name, scripts] of ran) findings.note(group, name, { scripts, state: 'runs' });
    });

    it('install the packages and enable the services that disk-image-create does', () => {
      if (ours === undefined || theirs === undefined) throw new TypeError('no trees');
      expect(packageVersions(ours)).toEqual(packageVersions(theirs));
      expect(enabledServices(ours)).toEqual(enabledServices(theirs));
    });

    it('give the tree of disk-image-create, but for time, random, sealed, ours', async () => {
      if (ours === undefined || theirs === undefined) throw new TypeError('no trees');
      const judgement = await judge(ours, theirs, RULES);
      findings.explained(group, judgement);
      expect(judgement.unexplained.map(tell)).toEqual([]);
      for (const name of group.elements) findings.note(group, name, { state: 'the same tree' });
    });

    it.runIf(group.boots).each(['bios', 'uefi'])('boot under %s', async firmware => {
      const { status, output } = await run([
        ...['verify', '--factory', join(work, 'ours/factory.yaml')],
        ...['--firmware', firmware, built?.bundle ?? ''],
      ]);
      expect(status, output).toBe(0);
      const state = `boots under ${firmware.toUpperCase()}`;
      for (const name of group.elements) findings.note(group, name, { state });
    });
  });
}

/** A group that neither can build, and for the same reason. */
export function compareFailure(group: Group, reason: string, findings: Findings): void {
  it(`${group.elements.join(', ')} cannot be built by either: ${reason}`, async () => {
    await installReference();
    const work = await mkdtemp('/var/tmp/image-factory-elements-');
    try {
      await expect(buildOurs(group, join(work, 'ours'))).rejects.toThrow(reason);
      await expect(buildReference(group, join(work, 'theirs'))).rejects.toThrow(reason);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    const state = `fails in both: Debian has no ${reason}`;
    const last = group.elements.at(-1) ?? '';
    const { length } = await scriptsOf(join(await installedElements(), last));
    findings.note(group, last, { scripts: length, state });
    await findings.keep(group);
  });
}
