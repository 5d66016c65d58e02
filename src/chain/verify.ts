import { dirname, join, resolve } from 'node:path';
import type { CloudPlacement } from '../boot/nova/types.ts';
import type { DirectBoot } from '../boot/types.ts';
import { knownMirror } from '../build/prepare.ts';
import { bootableImage, type MeasuredCore, measureCore } from '../bundle/core.ts';
import { corePath } from '../bundle/names.ts';
import type { DiskImage, Manifest } from '../bundle/types.ts';
import { forgetUnfinished, keepUnfinished } from '../bundle/unfinished.ts';
import type { BootForm } from '../definition/forms.ts';
import { ownChecks } from '../definition/own-checks.ts';
import type { Factory } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError, DefinitionError } from '../host/errors.ts';
import { places } from '../host/places.ts';
import { rootPrefix } from '../host/privilege.ts';
import { requireTools, TOOLS } from '../host/tools.ts';
import { toolsOf } from '../image/forms/index.ts';
import { consoleFile, reportFiles } from '../report/files.ts';
import { writeVerdict } from '../sign/verdict.ts';
import { withCloudChecks } from '../verify/choose.ts';
import { ownCheck } from '../verify/own/checks.ts';
import { runSuite, type SuiteRequest, type SuiteResult } from '../verify/suite.ts';
import type { Report } from '../verify/types.ts';
import { cloudOf, cloudPlacement, openCloud } from './cloud.ts';
import { lineOf, ownFolders, quarantineOf, readDefinition } from './definition.ts';
import { cloudPlace, placeKind, RUNNER_PLACE } from './places.ts';
import { previousResults } from './previous.ts';
import { pendingUpdates } from './security-updates.ts';
import { keyFor } from './trust.ts';
import type { BootRequest, CommonRequest, KeyRequest, VerifyRequest, VerifyResult } from './types.ts';
import { bundleUnderTest } from './under-test.ts';

const HOUR = 3_600_000;

export interface Place {
  readonly place: string;
  /** Absolute path of the bytes to boot, and the file of the bundle that they must be. */
  readonly image: string;
  readonly file: DiskImage;
  readonly checks: readonly string[];
  /** Hours for which the guest is left running. */
  readonly keep?: number | undefined;
  /** Where the machine is a server in a cloud. */
  readonly cloud?: CloudPlacement;
}

type PlaceRequest = CommonRequest & KeyRequest & BootRequest & { readonly bundle: string };

/**
 * Boots a bundle's image on this runner or in a cloud, tests it, and writes a signed verdict into the bundle.
 * @returns the verdict's report, whether it passed or not
 */
export async function verify(context: Context, request: VerifyRequest): Promise<VerifyResult> {
  const { factory } = await readDefinition(context, request.factory);
  const bundle = resolve(request.bundle);
  const core = await measureCore(context, bundle);
  const line = lineOf(factory, core.manifest.image);
  const file = bootableImage(core.manifest);
  const checks = request.only === undefined ? line.verify.checks : [request.only];
  const image = join(corePath(bundle), file.path);
  const where = { image, file, checks };
  const own = { ...request, bundle };
  return request.machine === 'nova'
    ? verifyInCloud(context, own, factory, core, where)
    : verifyPlace(context, own, factory, core, { ...where, place: RUNNER_PLACE, keep: request.keep });
}

async function verifyInCloud(
  context: Context,
  request: VerifyRequest,
  factory: Factory,
  core: MeasuredCore,
  where: Omit<Place, 'place'>,
): Promise<VerifyResult> {
  const verification = lineOf(factory, core.manifest.image).verify;
  const opened = await openCloud(context, cloudOf(request, verification));
  try {
    const checks = request.only === undefined ? withCloudChecks(where.checks) : where.checks;
    const wanted = { file: where.file, verification, configDrive: checks.includes('config-drive') };
    const cloud = cloudPlacement(opened, request, core.manifest, wanted);
    const place = cloudPlace(opened.name);
    return await verifyPlace(context, request, factory, core, { ...where, checks, place, cloud });
  } finally {
    await opened.session.dispatcher.destroy();
  }
}

/** Verifies the bytes that stand in some place, and writes the signed verdict, passed or failed. */
export async function verifyPlace(
  context: Context,
  request: PlaceRequest,
  factory: Factory,
  core: MeasuredCore,
  where: Place,
): Promise<VerifyResult> {
  const { bundle } = request;
  const { manifest } = core;
  const xfs = manifest.volumes.some(each => each.content === 'xfs') ? TOOLS.xfs : [];
  const tools = [...TOOLS.verify, ...toolsOf(manifest.files.map(each => each.form)), ...xfs];
  await requireTools(context, tools, { install: request.installTools, root: rootPrefix });
  const own = await ownChecks(factory.file, ownFolders(factory, manifest.image, where.place));
  const before = await previousResults(bundle, manifest, manifest.line, request.firmware);
  const suiteOf = suiteRequest(context, request, factory, core, where);
  const { line } = suiteOf.bundle;
  const pending: SuiteRequest['bundle']['pendingUpdates'] = installed =>
    pendingUpdates(context, factory, line, installed);
  const bundleOf = {
    ...suiteOf.bundle,
    pendingUpdates: pending,
    ...(before.score && { previousScore: before.score }),
  };
  const compared = before.boot && { previousBoot: before.boot };
  let statement = '';
  const concluded = async ({ report, boots }: SuiteResult) => {
    const files = reportFiles(report, boots);
    // Only now, when every check has ended, is the key loaded.
    const key = await keyFor(context, factory, request, 'verify');
    statement = await writeVerdict({ bundle, manifest, report, files, key });
    await forgetUnfinished(bundle, where.place);
  };
  const unfinished: SuiteRequest['unfinished'] = async boot => {
    const { name, text } = consoleFile(boot);
    const path = await keepUnfinished(bundle, where.place, name, text);
    context.log.info(`what the guest of boot ${boot.name} wrote is in ${path}`);
  };
  const known = { own: own.map(ownCheck), packageMirror: () => knownMirror(line) };
  const asked = { ...suiteOf, bundle: bundleOf, ...compared, ...known, concluded, unfinished };
  const keep = where.keep === undefined ? {} : { keep: where.keep * HOUR };
  const { report } = await runSuite(context, { ...asked, ...keep });
  return { report, statement };
}

function suiteRequest(
  context: Context,
  request: PlaceRequest,
  factory: Factory,
  core: MeasuredCore,
  where: Place,
): SuiteRequest {
  const { manifest, coreDigest } = core;
  const { accel, firmware, job, bundle } = request;
  const under = bundleUnderTest(factory, manifest, bundle, dirname(bundle));
  const { boot: budget, throughput, memory, cpus, qemu: hardware } = under.line.verify;
  const direct = directBoot(bundle, manifest);
  return {
    ...{ image: manifest.image, version: manifest.version, coreDigest, diskDigest: manifest.diskDigest },
    ...{ file: where.file, path: where.image, form: where.file.form, imageSize: manifest.diskSize },
    ...{ userName: manifest.line.user.name, checks: where.checks, place: where.place, job },
    quarantine: quarantineOf(factory, manifest.image),
    placeKind: placeKind(where.place),
    bundle: under,
    boot: {
      ...{ accel, firmware, budget, memory, cpus },
      ...(throughput !== undefined && { throughput }),
      ...(hardware && { hardware }),
    },
    cloud: where.cloud,
    ...{ work: dirname(bundle), state: places(context).state },
    ...(direct === undefined ? {} : { direct }),
  };
}

/** A disk without a partition table has no place for a boot loader. */
function directBoot(bundle: string, manifest: Manifest): DirectBoot | undefined {
  if (manifest.rootFilesystem.partition !== 0) return undefined;
  const pathOf = (form: BootForm) => {
    const file = manifest.files.find(each => each.form === form);
    if (file !== undefined) return join(corePath(bundle), file.path);
    throw new DefinitionError('the image is a filesystem without a boot loader, and cannot be booted alone', {
      advice: "add kernel-initrd to the image's forms",
    });
  };
  const isXfs = manifest.volumes.some(each => each.mountPoint === '/' && each.content === 'xfs');
  const flags = isXfs ? ' rootflags=discard' : '';
  const parameters = `root=UUID=${manifest.rootFilesystem.uuid} ro${flags} console=tty0 console=ttyS0,115200`;
  return { kernel: pathOf('kernel'), initrd: pathOf('initrd'), parameters };
}

/** @throws CheckError naming the checks that failed */
export function assertPassed(report: Report): void {
  const failure = failureOf(report);
  if (failure !== undefined) throw failure;
}

/** @returns the checks that failed, and what is wrong by the first one; nothing where all passed that must */
export function failureOf(report: Report): CheckError | undefined {
  if (report.passed) return undefined;
  const { required } = report;
  const failed = report.checks.filter(each => required.includes(each.name) && each.outcome !== 'passed');
  const [first] = failed;
  return new CheckError(
    `${report.image} ${report.version} failed in ${report.place}: ${failed.map(each => each.name).join(', ')}`,
    { advice: first === undefined ? 'a required check did not run' : first.detail },
  );
}
