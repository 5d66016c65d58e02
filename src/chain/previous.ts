import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readText } from '../bundle/files.ts';
import { parseJson } from '../bundle/json.ts';
import { listStatements } from '../bundle/statements.ts';
import type { Manifest } from '../bundle/types.ts';
import type { ImageLine } from '../definition/types.ts';
import { FactoryError } from '../host/errors.ts';
import { compareVersions } from '../promote/version.ts';
import type { PreviousScore } from '../verify/offline/types.ts';
import { buildsOf } from './builds.ts';
import { RUNNER_PLACE } from './places.ts';

const names = z.array(z.string());
const report = z.object({
  checks: z.array(z.object({ name: z.string(), score: z.object({ met: names }).optional() })),
});

/**
 * The hardening of the version before this one, by the latest report beside it. It is a hint to compare with: who can
 * change the files of an older bundle can hide that its successor is weaker.
 */
export async function previousScore(
  bundle: string,
  manifest: Manifest,
  line: ImageLine,
): Promise<PreviousScore | undefined> {
  // OUTPUT/IMAGE/VERSION-ARCHITECTURE
  for await (const build of buildsOf(dirname(dirname(bundle)), line)) {
    const { version } = build.manifest;
    if (compareVersions(version, manifest.version) >= 0) continue;
    const met = await latestMet(build.bundle);
    if (met !== undefined) return { version, met };
  }
  return undefined;
}

async function latestMet(bundle: string): Promise<readonly string[] | undefined> {
  try {
    const runs = await listStatements(bundle, { kind: 'verdict', place: RUNNER_PLACE });
    const latest = runs.sort((a, b) => (a.run < b.run ? -1 : 1)).at(-1);
    if (latest === undefined) return undefined;
    const text = await readText(join(latest.folder, 'report.json'));
    const told = report.safeParse(parseJson(text, 'report.json'));
    return told.data?.checks.find(({ name }) => name === 'hardening')?.score?.met;
  } catch (error) {
    if (error instanceof FactoryError) return undefined;
    throw error;
  }
}
