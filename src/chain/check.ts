import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Manifest } from '../bundle/types.ts';
import type { Factory } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError, FactoryError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools } from '../host/tools.ts';
import { toolsOf } from '../image/forms/index.ts';
import { judgeVerdicts } from '../trust/verdicts.ts';
import { hostKeys } from '../verify/offline/checks/host-keys.ts';
import { images } from '../verify/offline/checks/images.ts';
import { logins } from '../verify/offline/checks/logins.ts';
import { sealed } from '../verify/offline/checks/sealed.ts';
import { runOffline } from '../verify/offline/run.ts';
import type { CheckResult } from '../verify/types.ts';
import { readDefinition } from './definition.ts';
import { trustBundle } from './trust.ts';
import type { BundleCheck, CheckRequest } from './types.ts';
import { bundleUnderTest } from './under-test.ts';

/**
 * Verifies a bundle as it lies there: every byte, every signature, every verdict; and that its images hold
 * the disk and the files that it tells of.
 * @throws TrustError when the core or a verdict is not what was signed, CheckError when an image is not what it should be
 */
export async function check(context: Context, request: CheckRequest): Promise<BundleCheck> {
  const { factory } = await readDefinition(context, request.factory);
  const bundle = resolve(request.bundle);
  const trusted = await trustBundle(context, bundle, factory);
  const tools = toolsOf(trusted.manifest.files.map(each => each.form));
  await requireTools(context, tools, { install: request.installTools, root: rootPrefix });
  const { good, ignored, unverifiable } = await judgeVerdicts(context, bundle, trusted.core, trusted.policy);
  for (const line of ignored) context.log.warn(`does not count: ${line}`);
  const [doubtful, ...more] = unverifiable;
  for (const error of more) context.log.error(error.line);
  if (doubtful !== undefined) throw doubtful;
  const { manifest } = trusted;
  const results = await lookAt(context, bundle, manifest, factory);
  return {
    manifest,
    coreDigest: trusted.coreDigest,
    signedBy: trusted.signedBy,
    verdicts: good.map(({ place, run, passed, finishedAt, signedBy }) => ({
      place,
      run,
      passed,
      finishedAt,
      signedBy,
    })),
    results,
  };
}

/** What the documents say of the disk, and that nothing in it ties an instance to its build. */
const LOOKED_AT = [images, sealed, hostKeys, logins];

async function lookAt(
  context: Context,
  bundle: string,
  manifest: Manifest,
  factory: Factory,
): Promise<CheckResult[]> {
  const work = await mkdtemp(join(context.env.TMPDIR ?? tmpdir(), 'image-factory-check-'));
  try {
    const results = await runOffline(
      context,
      bundleUnderTest(factory, manifest, bundle, work),
      LOOKED_AT,
      {},
    );
    const failed = results.filter(({ outcome }) => outcome !== 'passed');
    if (failed.length === 0) return results;
    throw new CheckError(failed.map(({ name, detail }) => `${name}: ${detail}`).join('; '), {
      advice: 'build the image again',
    });
  } catch (error) {
    if (error instanceof FactoryError) throw error;
    throw new CheckError(`the images of ${bundle} cannot be read`, { cause: error });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
