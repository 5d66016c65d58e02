import type { ImageFile } from '../bundle/types.ts';
import { type Context, checkCancelled } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import type { Gate } from './gate.ts';
import type { Journal } from './journal.ts';
import { imageOf, isCurrent, type Step } from './plan.ts';
import type { Store, StoredImage } from './types.ts';
import { compareVersions } from './version.ts';

/** A store of the stage with what this promotion brings to it. */
export interface Target {
  readonly store: Store;
  readonly file: ImageFile;
  /** Absolute path of the file in the bundle. */
  readonly source: string;
  /** Properties that lead back to the build. */
  readonly properties: Readonly<Record<string, string>>;
  /**
   * Boots the stored bytes and writes a verdict.
   * @throws CheckError when a required check failed
   */
  verify(stored: StoredImage, path: string): Promise<void>;
  readonly gate: Gate;
}

export interface Execution {
  readonly context: Context;
  readonly line: string;
  readonly targets: readonly Target[];
  readonly journal: Journal;
}

export interface Executed {
  readonly published: readonly StoredImage[];
  readonly hidden: readonly StoredImage[];
}

/**
 * Carries out a plan. Each step is journalled before and after; a step that was done already, by a run that
 * died before it could say so, does nothing again.
 */
export async function executePromotion(execution: Execution, steps: readonly Step[]): Promise<Executed> {
  const { context, journal } = execution;
  for (const step of journal.unfinished)
    context.log.info(`an earlier run began and did not end: ${step.sentence}`);
  const published: StoredImage[] = [];
  const hidden: StoredImage[] = [];
  for (const step of steps) {
    checkCancelled(context);
    context.log.info(step.sentence);
    const image = await journalled(journal, step, () => carryOut(execution, step));
    if (step.action === 'publish' && image !== undefined) published.push(image);
    if (step.action === 'hide' && image !== undefined) hidden.push(image);
  }
  return { published, hidden };
}

async function journalled<T>(journal: Journal, step: Step, act: () => Promise<T>): Promise<T> {
  await journal.write('intent', step);
  try {
    const result = await act();
    await journal.write('done', step);
    return result;
  } catch (error) {
    // A full disk may be what went wrong; that the journal cannot be written must not hide it.
    await journal
      .write('failed', step, error instanceof Error ? error.message : String(error))
      .catch(() => {});
    throw error;
  }
}

async function carryOut(execution: Execution, step: Step): Promise<StoredImage | undefined> {
  const target = targetOf(execution, step);
  if (step.action === 'upload') {
    const { file, source, properties } = target;
    return target.store.upload({ line: execution.line, version: step.version, file, source, properties });
  }
  const images = await target.store.list(execution.line);
  const image = imageOf(images, step.version);
  if (image === undefined) return gone(execution, step);
  switch (step.action) {
    case 'verify':
      await target.verify(image, await target.store.open(image.id));
      return image;
    case 'publish':
      return publish(target, image, images);
    case 'hide':
      return target.store.change(image.id, { hidden: true });
    case 'remove':
      await target.store.remove(image.id);
      return undefined;
  }
}

function targetOf(execution: Execution, step: Step): Target {
  const target = execution.targets.find(each => each.store.name === step.store);
  if (target === undefined) throw new TypeError(`no target for the store ${step.store}`);
  return target;
}

function gone(execution: Execution, step: Step): undefined {
  if (step.action === 'hide' || step.action === 'remove') return undefined;
  throw new DefinitionError(`${execution.line} ${step.version} is no longer in ${step.store}`, {
    advice: 'somebody removed it; promote again',
  });
}

async function publish(
  target: Target,
  image: StoredImage,
  images: readonly StoredImage[],
): Promise<StoredImage> {
  // The plan may be minutes old: another output directory's promotion can have come first.
  const newer = images.find(each => isCurrent(each) && compareVersions(each.version, image.version) > 0);
  if (newer !== undefined) {
    throw new DefinitionError(
      `${newer.version} became public in ${target.store.name} before ${image.version}`,
      {
        advice: 'nothing is left to do for the older version',
      },
    );
  }
  const properties = await target.gate(image, await target.store.open(image.id));
  return target.store.change(image.id, { visibility: 'public', properties });
}
