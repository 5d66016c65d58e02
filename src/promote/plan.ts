import type { ImageFile } from '../bundle/types.ts';
import type { Retention } from '../definition/types.ts';
import { DefinitionError, TrustError } from '../host/errors.ts';
import type { StoredImage } from './types.ts';
import { compareVersions } from './version.ts';

/** What one store of the stage holds and is to get. */
export interface StoreState {
  readonly name: string;
  /** The file of the bundle that this store gets. */
  readonly file: ImageFile;
  /** All its images of the line. */
  readonly images: readonly StoredImage[];
  /** Whether a verdict that counts already accepts this disk in this store. */
  readonly accepted: boolean;
}

export interface PromotionPlan {
  readonly line: string;
  readonly version: string;
  readonly stage: string;
  readonly stores: readonly StoreState[];
  readonly retention: Retention;
}

export type Action = 'upload' | 'verify' | 'publish' | 'hide' | 'remove';

/** One step as data; what it acts on is named by store and version. */
export interface Step {
  readonly action: Action;
  readonly store: string;
  readonly version: string;
  /** Id of the stored image; absent while it is not uploaded. */
  readonly image?: string;
  /** For a person, without a full stop. */
  readonly sentence: string;
}

/**
 * What is left to do, in order: upload and verify in every store, then publish in every store, then hide the
 * versions before, then remove what retention does not keep. A version stays public until its successor is
 * public in all stores. The plan follows from what the stores hold, so it is the same for a first run and
 * for one that goes on where another died.
 * @throws DefinitionError when the version is older than the public one or was withdrawn, TrustError when a
 *   store holds other bytes under its name
 */
export function planPromotion(plan: PromotionPlan): readonly Step[] {
  for (const store of plan.stores) assertPromotable(plan, store);
  const phases = [prepare, publish, hide, remove];
  return phases.flatMap(phase => plan.stores.flatMap(store => phase(plan, store)));
}

/** The image of a version in a store's list. */
export function imageOf(images: readonly StoredImage[], version: string): StoredImage | undefined {
  return images.find(image => image.version === version);
}

/** Whether everyone sees it and it is in the default list. */
export function isCurrent(image: StoredImage): boolean {
  return image.visibility === 'public' && !image.hidden;
}

function assertPromotable({ line, version }: PromotionPlan, store: StoreState): void {
  const newer = store.images.find(image => isCurrent(image) && compareVersions(image.version, version) > 0);
  if (newer !== undefined) {
    throw new DefinitionError(`${line} ${version} is older than ${newer.version}, public in ${store.name}`, {
      advice: 'promotion only goes forward; to bring old content back, build it as a new version',
    });
  }
  const image = imageOf(store.images, version);
  if (image?.hidden) {
    throw new DefinitionError(`${line} ${version} was withdrawn from ${store.name}: it is hidden there`, {
      advice: 'build a new version, or unhide it there by hand',
    });
  }
  if (image !== undefined && !sameFile(image.file, store.file)) {
    throw new TrustError(`${store.name} holds other bytes as ${line} ${version} than the bundle`, {
      advice: 'a version is never made twice; build a new one',
    });
  }
}

function sameFile(a: ImageFile, b: ImageFile): boolean {
  return a.sha256 === b.sha256 && a.sha512 === b.sha512 && a.size === b.size;
}

function prepare(plan: PromotionPlan, store: StoreState): Step[] {
  const image = imageOf(store.images, plan.version);
  if (image?.visibility === 'public') return [];
  const steps: Step[] = [];
  if (image === undefined)
    steps.push(step(plan, store, 'upload', `upload ${name(plan)} privately to ${store.name}`));
  if (!store.accepted)
    steps.push(step(plan, store, 'verify', `boot and verify ${name(plan)} in ${store.name}`, image));
  return steps;
}

function publish(plan: PromotionPlan, store: StoreState): Step[] {
  const image = imageOf(store.images, plan.version);
  if (image?.visibility === 'public') return [];
  return [step(plan, store, 'publish', `publish ${name(plan)} in ${store.name}`, image)];
}

function hide(plan: PromotionPlan, store: StoreState): Step[] {
  return store.images
    .filter(image => isCurrent(image) && image.version !== plan.version)
    .map(image => {
      const sentence = `hide ${plan.line} ${image.version} in ${store.name}: its id goes on working`;
      return { action: 'hide', store: store.name, version: image.version, image: image.id, sentence };
    });
}

/**
 * Versions that were public once, beyond the kept ones, oldest first. Private ones are left alone: they were
 * refused, and somebody may want to know why. The version before the current one always stays.
 */
function remove(plan: PromotionPlan, store: StoreState): Step[] {
  return store.images
    .filter(image => image.visibility === 'public' && image.version !== plan.version)
    .toSorted((a, b) => compareVersions(b.version, a.version))
    .slice(Math.max(plan.retention.keep, 1))
    .toReversed()
    .map(image => {
      const sentence = `remove ${plan.line} ${image.version} from ${store.name}: retention keeps ${plan.retention.keep}`;
      return { action: 'remove', store: store.name, version: image.version, image: image.id, sentence };
    });
}

function step(
  plan: PromotionPlan,
  store: StoreState,
  action: Action,
  sentence: string,
  image?: StoredImage,
): Step {
  const base = { action, store: store.name, version: plan.version, sentence };
  return image === undefined ? base : { ...base, image: image.id };
}

function name({ line, version }: PromotionPlan): string {
  return `${line} ${version}`;
}
