import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { corePath } from '../bundle/names.ts';
import type { Context } from '../host/context.ts';
import { CheckError, FactoryError } from '../host/errors.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools } from '../host/tools.ts';
import { toolsOf } from '../image/forms/index.ts';
import { judgeVerdicts } from '../trust/verdicts.ts';
import { checkImages } from '../verify/images.ts';
import type { CheckResult } from '../verify/types.ts';
import { loginsOf, readDefinition } from './definition.ts';
import { trustBundle } from './trust.ts';
import type { BundleCheck, CheckRequest } from './types.ts';

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
  const results: CheckResult[] = [];
  const timed = async (name: string, act: () => Promise<string>) => {
    const start = context.now().getTime();
    const detail = await act();
    results.push({ name, outcome: 'passed', seconds: (context.now().getTime() - start) / 1000, detail });
  };
  const work = await mkdtemp(join(context.env.TMPDIR ?? tmpdir(), 'image-factory-check-'));
  try {
    await timed('images', () =>
      checkImages(context, {
        core: corePath(bundle),
        manifest,
        work,
        logins: loginsOf(factory, manifest.image),
      }),
    );
  } catch (error) {
    if (error instanceof FactoryError) throw error;
    throw new CheckError(`the images of ${bundle} cannot be read`, { cause: error });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
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
