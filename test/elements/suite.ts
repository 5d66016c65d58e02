import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../end-to-end/program.ts';
import { type Built, buildOurs, buildReference, installedElements, installReference } from './builds.ts';
import { type Judgement, judge, tell } from './compare.ts';
import type { Group } from './groups.ts';
import { RULES } from './rules.ts';
import { type Row, scriptsOf } from './table.ts';
import { enabledServices, packageVersions, readTree, type Tree } from './tree.ts';

/** Where builds are kept for the next run, and taken from; absent: nowhere. */
const KEPT = process.env.IMAGE_FACTORY_TEST_ELEMENTS;

/** What the tests of groups found out. */
export class Findings {
  readonly judgements: Judgement[] = [];
  readonly rows = new Map<string, Row>();

  note(group: Group, element: string, { scripts, state = '' }: { scripts?: number; state?: string }): void {
    const before = this.rows.get(element) ?? { element, groups: [], scripts: 0, state: '' };
    const states = [...before.state.split(', '), state].filter(each => each !== '');
    this.rows.set(element, {
      element,
      groups: [...new Set([...before.groups, group.name])],
      scripts: scripts ?? before.scripts,
      state: [...new Set(states)].join(', '),
    });
  }
}

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
      findings.judgements.push(judgement);
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
  });
}
