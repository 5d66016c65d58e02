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
import type { PreviousBoot } from '../verify/types.ts';
import { buildsOf } from './builds.ts';
import { RUNNER_PLACE } from './places.ts';

const report = z.object({
  machine: z.object({ accelerator: z.string(), firmware: z.string() }),
  bootSeconds: z.number(),
  checks: z.array(z.object({ name: z.string(), score: z.object({ met: z.array(z.string()) }).optional() })),
});
type PastReport = z.infer<typeof report>;

/** What reports of versions before this one tell, to compare with. */
export interface Previous {
  readonly score?: PreviousScore;
  readonly boot?: PreviousBoot;
}

/**
 * The newest hardening score and the newest time of a boot, by the reports that lie beside earlier bundles. They are hints:
 * who can change the files of an older bundle can hide that its successor is weaker or slower.
 * @param firmware under which this version is booted
 */
export async function previousResults(
  bundle: string,
  manifest: Manifest,
  line: ImageLine,
  firmware: string,
): Promise<Previous> {
  let score: PreviousScore | undefined;
  let boot: PreviousBoot | undefined;
  // OUTPUT/IMAGE/VERSION-ARCHITECTURE
  for await (const build of buildsOf(dirname(dirname(bundle)), line)) {
    const { version } = build.manifest;
    if (compareVersions(version, manifest.version) >= 0) continue;
    const reports = await reportsIn(build.bundle);
    const met = reports.findLast(each => metIn(each) !== undefined);
    score ??= met && { version, met: metIn(met) ?? [] };
    const booted = reports.filter(each => each.bootSeconds > 0 && each.machine.firmware === firmware);
    if (booted.length > 0) boot ??= bootOf(version, booted);
    if (score !== undefined && boot !== undefined) break;
  }
  return { ...(score && { score }), ...(boot && { boot }) };
}

function metIn({ checks }: PastReport): readonly string[] | undefined {
  return checks.find(({ name }) => name === 'hardening')?.score?.met;
}

function bootOf(version: string, reports: readonly PastReport[]): PreviousBoot {
  return {
    version,
    seconds: accelerator => {
      const same = reports.filter(({ machine }) => machine.accelerator === accelerator);
      return same.length === 0 ? undefined : Math.min(...same.map(({ bootSeconds }) => bootSeconds));
    },
  };
}

/** All reports of a bundle's runs on a runner that can be read, the oldest first. */
async function reportsIn(bundle: string): Promise<PastReport[]> {
  const runs = await listStatements(bundle, { kind: 'verdict', place: RUNNER_PLACE }).catch(unreadable);
  const inOrder = runs.toSorted((a, b) => (a.run < b.run ? -1 : 1));
  const found = await Promise.all(inOrder.map(({ folder }) => reportIn(folder)));
  return found.filter(each => each !== undefined);
}

async function reportIn(folder: string): Promise<PastReport | undefined> {
  try {
    return report.safeParse(parseJson(await readText(join(folder, 'report.json')), 'report.json')).data;
  } catch (error) {
    return unreadable(error)[0];
  }
}

/** What cannot be read is nothing to compare with. */
function unreadable(error: unknown): never[] {
  if (error instanceof FactoryError) return [];
  throw error;
}
