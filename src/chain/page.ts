import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { corePath, encodePlace, statementsPath } from '../bundle/names.ts';
import type { Factory } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { DOCUMENTS } from '../image/documents.ts';
import { imageOf, isCurrent } from '../promote/plan.ts';
import { openStore } from '../promote/stores.ts';
import { type PageInput, type Promotion, page } from '../report/page.ts';
import { CHECKS } from '../verify/checks/index.ts';
import type { Report } from '../verify/types.ts';
import { lineOf } from './definition.ts';
import { RUNNER_PLACE } from './places.ts';
import { trustBundle } from './trust.ts';

export interface PageRequest {
  readonly factory: Factory;
  /** Absolute path. */
  readonly bundle: string;
  /** Directory that relative store paths start from. */
  readonly output: string;
  readonly localTestKey: boolean;
}

/** How much of a console log a page shows: its end. */
const CONSOLE_BYTES = 200_000;

/**
 * Writes the page of results beside the bundle, `OUTPUT/IMAGE/VERSION-ARCHITECTURE.html`; what it tells of
 * tests comes from signed verdicts only.
 * @returns its absolute path
 */
export async function writePage(context: Context, request: PageRequest): Promise<string> {
  const { bundle } = request;
  const path = `${bundle}.html`;
  const input = await collect(context, request, relative(dirname(path), corePath(bundle)));
  const partial = join(dirname(path), `.${path.slice(dirname(path).length + 1)}.partial`);
  await writeFile(partial, page(input));
  await rename(partial, path);
  return path;
}

async function collect(context: Context, request: PageRequest, core: string): Promise<PageInput> {
  const { factory, bundle } = request;
  const trusted = await trustBundle(context, bundle, factory);
  const places = [
    { place: RUNNER_PLACE, checks: lineOf(factory, trusted.manifest.image).verify.checks },
    ...factory.stages.flatMap(stage =>
      stage.stores.map(store => ({ place: store.name, checks: stage.checks })),
    ),
  ];
  const reports: Report[] = [];
  const consoles: { place: string; text: string }[] = [];
  for (const { place, checks } of places) {
    if (!(await trusted.isAccepted(place, checks))) continue;
    const { run } = await trusted.accepted(place, checks);
    const folder = join(statementsPath(bundle), 'verdict', encodePlace(place), run);
    reports.push(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report);
    const text = await readFile(join(folder, 'console.log'), 'utf8').catch(() => '');
    consoles.push({ place, text: text.slice(-CONSOLE_BYTES) });
  }
  const packages =
    (await readFile(join(corePath(bundle), DOCUMENTS.packages), 'utf8')).split('\n').length - 1;
  return {
    manifest: trusted.manifest,
    packages,
    reports,
    protects: Object.fromEntries(CHECKS.map(check => [check.name, check.protects])),
    signed: {
      fingerprint: trusted.signedBy,
      localTestKey: request.localTestKey,
      coreDigest: trusted.coreDigest,
      signatures: [],
    },
    promotions: await promotions(context, request, trusted.manifest),
    consoles,
    core: `${core}/`,
  };
}

async function promotions(
  context: Context,
  { factory, output }: PageRequest,
  { image, version }: { image: string; version: string },
): Promise<Promotion[]> {
  const found: Promotion[] = [];
  for (const stage of factory.stages) {
    for (const reference of stage.stores) {
      const store = await openStore(context, reference, output, { readOnly: true });
      const images = await store.list(image);
      const stored = imageOf(images, version);
      if (stored === undefined || !isCurrent(stored)) continue;
      const previous = images.find(each => each.version !== version && each.hidden);
      const before = previous === undefined ? {} : { previous: previous.version };
      found.push({ stage: stage.name, store: store.name, image: stored, ...before });
    }
  }
  return found;
}
