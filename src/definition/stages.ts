import { posix, resolve } from 'node:path';
import { BUILT_IN_RETENTION, BUILT_IN_SIGNING, BUILT_IN_STAGES, builtInStage } from './builtin.ts';
import { check } from './check.ts';
import { mergeLayers } from './merge.ts';
import type { Mistakes } from './mistakes.ts';
import { type MapNode, nodeAt, type Place, wordsOf } from './node.ts';
import { ownNames } from './own-checks.ts';
import { resolvedRetention, resolvedSigning, resolvedStage } from './schema/stage.ts';
import { layersAt, namesOf, placeOf, type Sources } from './sources.ts';
import type { Retention, Signing, Stage, StoreReference } from './types.ts';
import { alternatives } from './words.ts';

interface ResolvedStage {
  readonly stage: Stage;
  readonly settings: MapNode;
  readonly place: Place;
}

/**
 * @param factory path of the factory file, which folders of own checks are relative to
 * @returns the stages in the order in which an image goes through them
 */
export async function resolveStages(factory: string, sources: Sources, mistakes: Mistakes): Promise<Stage[]> {
  const names = new Set<string>([...BUILT_IN_STAGES, ...namesOf(sources, 'stages').keys()]);
  const resolved = [...names]
    .map(name => resolveStage(name, sources, mistakes))
    .filter(each => each !== undefined);
  const stages = await Promise.all(resolved.map(each => withOwn(factory, each, mistakes)));
  checkNeeds(stages, names, mistakes);
  checkStores(stages, mistakes);
  return inOrder(stages, mistakes);
}

function resolveStage(name: string, sources: Sources, mistakes: Mistakes): ResolvedStage | undefined {
  const settings = mergeLayers(builtInStage(name), layersAt(sources, 'stages', name));
  const place = placeOf(sources, 'stages', name);
  const within = `stages.${name}`;
  const { value } = check(resolvedStage, settings, mistakes, { within, fallback: place });
  if (value === undefined) return undefined;
  return { stage: { ...value, name, stores: value.stores.map(storeReference) }, settings, place };
}

async function withOwn(factory: string, resolved: ResolvedStage, mistakes: Mistakes): Promise<ResolvedStage> {
  const { stage, settings, place } = resolved;
  const written = { node: nodeAt(settings, 'own'), fallback: place };
  const names = await ownNames(factory, stage.own ?? [], written, mistakes);
  return { ...resolved, stage: { ...stage, checks: [...stage.checks, ...names] } };
}

function storeReference(written: string): StoreReference {
  const path = posix.normalize(written.slice(written.indexOf(':') + 1)).replace(/\/$/, '');
  return { kind: 'directory', path, name: `directory:${path}` };
}

function checkNeeds(stages: readonly ResolvedStage[], names: ReadonlySet<string>, mistakes: Mistakes): void {
  for (const { stage, settings, place } of stages) {
    if (stage.needs === undefined || names.has(stage.needs)) continue;
    const words = [...names].filter(name => name !== stage.name);
    mistakes.add(nodeAt(settings, 'needs')?.place ?? place, `unknown stage ${JSON.stringify(stage.needs)}`, {
      expected: alternatives(words),
      word: stage.needs,
      words,
    });
  }
}

/** What staging published must not stand where production looks. */
function checkStores(stages: readonly ResolvedStage[], mistakes: Mistakes): void {
  const owners = new Map<string, string>();
  for (const { stage, settings, place } of stages) {
    for (const [index, { name }] of stage.stores.entries()) {
      const owner = owners.get(name);
      owners.set(name, stage.name);
      if (owner === undefined) continue;
      const written = wordsOf(nodeAt(settings, 'stores'))[index]?.place ?? place;
      mistakes.add(written, `${name} is a store of ${owner} already`, { expected: 'a store of its own' });
    }
  }
}

function inOrder(stages: readonly ResolvedStage[], mistakes: Mistakes): Stage[] {
  const ordered: Stage[] = [];
  let waiting = stages;
  while (waiting.length > 0) {
    const blocked = waiting.filter(({ stage }) => waiting.some(other => other.stage.name === stage.needs));
    if (blocked.length === waiting.length) {
      addCircle(waiting, mistakes);
      break;
    }
    ordered.push(...waiting.filter(each => !blocked.includes(each)).map(({ stage }) => stage));
    waiting = blocked;
  }
  return ordered;
}

function addCircle(waiting: readonly ResolvedStage[], mistakes: Mistakes): void {
  const [first] = waiting.filter(({ settings }) => nodeAt(settings, 'needs')?.place !== undefined);
  const place = nodeAt(first?.settings, 'needs')?.place ?? first?.place;
  const names = waiting.map(({ stage }) => stage.name);
  if (place === undefined) return;
  mistakes.add(place, `the stages ${names.join(' and ')} need each other in a circle`, {
    expected: 'one stage at least that needs none of the others',
  });
}

export function resolveRetention(sources: Sources, mistakes: Mistakes): Retention | undefined {
  const settings = mergeLayers(BUILT_IN_RETENTION, layersAt(sources, 'retention'));
  const fallback = placeOf(sources, 'retention');
  return check(resolvedRetention, settings, mistakes, { within: 'retention', fallback }).value;
}

/** @param directory what a relative `file:PATH` of the key is relative to */
export function resolveSigning(sources: Sources, mistakes: Mistakes, directory: string): Signing | undefined {
  const settings = mergeLayers(BUILT_IN_SIGNING, layersAt(sources, 'signing'));
  const fallback = placeOf(sources, 'signing');
  const { value } = check(resolvedSigning, settings, mistakes, { within: 'signing', fallback });
  if (value === undefined) return undefined;
  const { fingerprints, verify, release, layers, key } = value;
  const role = (...own: readonly string[]) => [...new Set(own.map(each => each.toUpperCase()))];
  return {
    fingerprints: {
      verify: role(...fingerprints, ...verify),
      release: role(...fingerprints, ...release),
      layers: role(...layers),
    },
    ...(key === undefined ? {} : { key: keyReference(key, directory) }),
  };
}

function keyReference(key: string, directory: string): string {
  return key.startsWith('file:') ? `file:${resolve(directory, key.slice('file:'.length))}` : key;
}
