import { join, resolve } from 'node:path';
import { bootableImage, measureCore } from '../bundle/core.ts';
import { corePath } from '../bundle/names.ts';
import type { DiskImage, ImageFile, Manifest } from '../bundle/types.ts';
import type { Factory, Stage, StoreReference } from '../definition/types.ts';
import { closest } from '../definition/words.ts';
import type { Context } from '../host/context.ts';
import { DefinitionError } from '../host/errors.ts';
import { executePromotion, type Target } from '../promote/execute.ts';
import { type Acceptance, publishGate } from '../promote/gate.ts';
import { openJournal } from '../promote/journal.ts';
import { withLock } from '../promote/lock.ts';
import { imageOf, isCurrent, planPromotion, type Step } from '../promote/plan.ts';
import { openStore } from '../promote/stores.ts';
import type { Store, StoredImage } from '../promote/types.ts';
import { NotAcceptedError } from '../trust/verdicts.ts';
import type { Report } from '../verify/types.ts';
import { INPUTS_PROPERTY } from './builds.ts';
import { lineOf, readDefinition } from './definition.ts';
import { RUNNER_PLACE } from './places.ts';
import { trustBundle } from './trust.ts';
import type { PromoteRequest, PromoteResult } from './types.ts';
import { assertPassed, verifyPlace } from './verify.ts';

/** A bundle whose every byte was compared with the release signature. */
export interface TrustedBundle {
  readonly manifest: Manifest;
  readonly coreDigest: string;
  /** Digests of the image files as they were read now. */
  readonly files: readonly ImageFile[];
  /**
   * The latest verdict of a place that covers these checks.
   * @throws TrustError when there is none, it is not signed by a verifier, or it says failed
   */
  accepted(place: string, checks: readonly string[]): Promise<Acceptance>;
}

/** What promotion needs from the rest of the chain. */
export interface PromoteParts {
  /** @throws TrustError unless the core is signed for release and unchanged */
  trust(context: Context, bundle: string, factory: Factory): Promise<TrustedBundle>;
  /** Boots the bytes at a path of a store and writes a signed verdict for that place into the bundle. */
  verifyAt(
    context: Context,
    request: PromoteRequest,
    where: {
      readonly place: string;
      readonly image: string;
      readonly file: DiskImage;
      readonly checks: readonly string[];
    },
  ): Promise<Report>;
}

const REAL_PARTS: PromoteParts = {
  trust: trustBundle,
  verifyAt: async (context, request, where) => {
    const bundle = resolve(request.bundle);
    const { factory } = await readDefinition(context, request.factory);
    const core = await measureCore(context, bundle);
    return (await verifyPlace(context, { ...request, bundle }, factory, core, where)).report;
  },
};

interface Promotion {
  readonly context: Context;
  readonly request: PromoteRequest;
  readonly parts: PromoteParts;
  readonly factory: Factory;
  readonly stage: Stage;
  readonly bundle: TrustedBundle;
}

/**
 * Brings a signed bundle to a stage: private in all its stores, verified there, public in all, the version
 * before hidden. May be killed at any time and run again.
 * @throws DefinitionError for an unknown stage or an older version, TrustError when a signature or verdict is
 *   missing, CheckError when a check failed in a store, HostError when another promotion of the line runs
 */
export async function promote(
  context: Context,
  request: PromoteRequest,
  parts: PromoteParts = REAL_PARTS,
): Promise<PromoteResult> {
  const factory = (await readDefinition(context, request.factory)).factory;
  const stage = findStage(factory, request.stage);
  const bundle = await parts.trust(context, resolve(request.bundle), factory);
  const promotion: Promotion = { context, request, parts, factory, stage, bundle };
  await requireEarlierAcceptance(promotion);
  if (request.dryRun) return preview(promotion);
  const lock = {
    file: join(journalFolder(request), `.${bundle.manifest.image}.lock`),
    what: bundle.manifest.image,
    holder: request.job,
    wait: 0,
  };
  return withLock(context, lock, () => carryOut(promotion));
}

function findStage(factory: Factory, name: string): Stage {
  const stage = factory.stages.find(each => each.name === name);
  if (stage !== undefined) return stage;
  const names = factory.stages.map(each => each.name);
  const near = closest(name, names);
  throw new DefinitionError(`${factory.file} has no stage ${JSON.stringify(name)}`, {
    advice: near === undefined ? `it has ${names.join(', ')}` : `did you mean ${near}?`,
  });
}

/** A stage takes only what the stage before it accepted; the first one takes what the runner accepted. */
async function requireEarlierAcceptance({ factory, stage, bundle }: Promotion): Promise<void> {
  if (stage.needs === undefined) {
    await bundle.accepted(RUNNER_PLACE, lineOf(factory, bundle.manifest.image).verify.checks);
    return;
  }
  const needed = findStage(factory, stage.needs);
  for (const store of needed.stores) await bundle.accepted(store.name, needed.checks);
}

async function preview(promotion: Promotion): Promise<PromoteResult> {
  const stores = await openStores(promotion, true);
  const steps = await plan(promotion, stores);
  return { ...(await outcome(promotion, stores, steps)), hidden: [], reports: [] };
}

async function carryOut(promotion: Promotion): Promise<PromoteResult> {
  const { context, request, stage, bundle } = promotion;
  const { image: line, version } = bundle.manifest;
  const stores = await openStores(promotion, false);
  const steps = await plan(promotion, stores);
  const reports: Report[] = [];
  const file = join(journalFolder(request), `${line}-${version}-${stage.name}.jsonl`);
  const journal = await openJournal(context, file, request.job);
  const targets = stores.map(store => target(promotion, store, reports));
  if (steps.length === 0) context.log.info(`${line} ${version} is public in ${stage.name} already`);
  const { hidden } = await executePromotion({ context, line, targets, journal }, steps);
  return { ...(await outcome(promotion, stores, steps)), hidden, reports };
}

async function outcome(promotion: Promotion, stores: readonly Store[], steps: readonly Step[]) {
  const { image: line, version } = promotion.bundle.manifest;
  const published: StoredImage[] = [];
  for (const store of stores) {
    const image = imageOf(await store.list(line), version);
    if (image !== undefined && isCurrent(image)) published.push(image);
  }
  return { stage: promotion.stage.name, steps: steps.map(step => step.sentence), published };
}

function openStores({ context, request, stage }: Promotion, readOnly: boolean): Promise<Store[]> {
  const open = (reference: StoreReference) => openStore(context, reference, request.output, { readOnly });
  return Promise.all(stage.stores.map(open));
}

async function plan(promotion: Promotion, stores: readonly Store[]): Promise<readonly Step[]> {
  const { factory, stage, bundle } = promotion;
  const { image: line, version } = bundle.manifest;
  const states = await Promise.all(
    stores.map(async store => ({
      name: store.name,
      file: bootableImage(bundle.manifest),
      images: await store.list(line),
      accepted: await isAccepted(promotion, store),
    })),
  );
  return planPromotion({ line, version, stage: stage.name, stores: states, retention: factory.retention });
}

/** Whether a verdict on the very file that the store gets stands. */
async function isAccepted({ stage, bundle }: Promotion, store: Store): Promise<boolean> {
  try {
    const { bootedFile } = await bundle.accepted(store.name, stage.checks);
    return bootedFile.sha512 === bootableImage(bundle.manifest).sha512;
  } catch (error) {
    if (error instanceof NotAcceptedError) return false;
    throw error;
  }
}

function target(promotion: Promotion, store: Store, reports: Report[]): Target {
  const { context, request, bundle, stage } = promotion;
  const file = bootableImage(bundle.manifest);
  return {
    store,
    file,
    source: join(corePath(resolve(request.bundle)), file.path),
    properties: buildProperties(bundle),
    gate: publishGate(context, store.name, file, () => bundle.accepted(store.name, stage.checks)),
    verify: async (_stored, image) => {
      const where = { place: store.name, image, file, checks: stage.checks };
      const report = await promotion.parts.verifyAt(context, request, where);
      reports.push(report);
      assertPassed(report);
    },
  };
}

function buildProperties({ manifest, coreDigest }: TrustedBundle): Record<string, string> {
  return {
    image_factory_built_at: manifest.builtAt,
    image_factory_built_job: manifest.builder.run,
    image_factory_core_sha256: coreDigest,
    image_factory_disk_sha256: manifest.diskDigest,
    [INPUTS_PROPERTY]: manifest.inputDigest,
  };
}

function journalFolder(request: PromoteRequest): string {
  return join(resolve(request.output), 'journal');
}
