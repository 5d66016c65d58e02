import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageFile } from '../../src/bundle/types.ts';
import { createContext } from '../../src/host/context.ts';
import { TrustError } from '../../src/host/errors.ts';
import { type Executed, executePromotion, type Target } from '../../src/promote/execute.ts';
import { type Acceptance, publishGate } from '../../src/promote/gate.ts';
import { openJournal } from '../../src/promote/journal.ts';
import { planPromotion } from '../../src/promote/plan.ts';
import { openDirectoryStore } from '../../src/promote/stores/directory.ts';
import type { Store } from '../../src/promote/types.ts';

export interface Trial {
  readonly folder: string;
  readonly version: string;
  readonly source: string;
  readonly file: ImageFile;
  /** Called before and after each call that changes a store, and around a verification. */
  readonly moment?: (name: string) => Promise<void> | void;
}

export const STORES = ['one', 'two'];

/** A whole promotion into two directory stores, with a verdict file as stand-in for signed statements. */
export async function promoteInto(trial: Trial): Promise<Executed> {
  const context = createContext();
  const stores = await Promise.all(STORES.map(name => storeOf(trial, name)));
  const images = await Promise.all(stores.map(store => store.list('debian-12')));
  const accepted = await Promise.all(stores.map(store => isAccepted(trial, store.name)));
  const steps = planPromotion({
    line: 'debian-12',
    version: trial.version,
    stage: 'staging',
    retention: { keep: 1 },
    stores: stores.map((store, index) => ({
      name: store.name,
      file: trial.file,
      images: images[index] ?? [],
      accepted: accepted[index] ?? false,
    })),
  });
  const journal = await openJournal(context, join(trial.folder, `journal-${trial.version}.jsonl`), 'job 1');
  const targets = stores.map(store => targetOf(trial, store));
  return executePromotion({ context, line: 'debian-12', targets, journal }, steps);
}

export async function storeOf(trial: Trial, name: string): Promise<Store> {
  const path = join(trial.folder, name);
  const store = await openDirectoryStore(createContext(), { kind: 'directory', name, path }, path);
  const moment = trial.moment ?? (() => {});
  const around = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    await moment(`before ${what} ${name}`);
    const result = await act();
    await moment(`after ${what} ${name}`);
    return result;
  };
  return {
    name,
    list: line => store.list(line),
    open: id => store.open(id),
    upload: request => around('upload', () => store.upload(request)),
    change: (id, change) => around(change.hidden ? 'hide' : 'publish', () => store.change(id, change)),
    remove: id => around('remove', () => store.remove(id)),
  };
}

function targetOf(trial: Trial, store: Store): Target {
  const { file, source } = trial;
  return {
    store,
    file,
    source,
    properties: { image_factory_built_job: 'job 0' },
    gate: publishGate(createContext(), store.name, file, () => acceptance(trial, store.name)),
    verify: async () => {
      await trial.moment?.(`before verify ${store.name}`);
      await appendFile(verdicts(trial), `${store.name}\n`);
      await trial.moment?.(`after verify ${store.name}`);
    },
  };
}

async function acceptance(trial: Trial, store: string): Promise<Acceptance> {
  if (!(await isAccepted(trial, store))) throw new TrustError(`no verdict for ${store}`);
  const told = { run: 'run 1', job: 'job 1', statement: 'a'.repeat(64), finishedAt: '2026-11-21T12:00:00Z' };
  return { ...told, bootedFile: trial.file };
}

async function isAccepted(trial: Trial, store: string): Promise<boolean> {
  await writeFile(verdicts(trial), '', { flag: 'a' });
  return (await readFile(verdicts(trial), 'utf8')).split('\n').includes(store);
}

export function verdicts(trial: Trial): string {
  return join(trial.folder, `verdicts-${trial.version}`);
}
