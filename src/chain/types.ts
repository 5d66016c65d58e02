import type { ListedLayer } from '../bundle/layer-list.ts';
import type { Manifest } from '../bundle/types.ts';
import type { BitDifference } from '../compare/bits.ts';
import type { Factory } from '../definition/types.ts';
import type { Target } from '../image/write/target.ts';
import type { Made } from '../openstack/runs/kinds.ts';
import type { StoredImage } from '../promote/types.ts';
import type { CheckResult, Report } from '../verify/types.ts';

/**
 * What the actions and the command line ask of the chain. Property names are the inputs' names in camel
 * case: `install-tools` is `installTools`.
 */
export interface CommonRequest {
  /** Path of the factory file; absent: `factory.yaml` here, else the repository's example. */
  readonly factory?: string;
  /** Whether missing host tools may be installed (`install-tools`). */
  readonly installTools: boolean;
  /** Link to the CI job, or `host:PID` on a terminal: metadata that leads back. */
  readonly job: string;
}

/** Where a signing key comes from: `env:NAME`, `file:PATH`, the armored key itself, or the local test key. */
export interface KeyRequest {
  readonly signingKey?: string;
  /** `env:NAME` or `file:PATH`. */
  readonly passphrase?: string;
}

export interface BootRequest {
  readonly accel: 'auto' | 'kvm' | 'tcg';
  readonly firmware: 'bios' | 'uefi' | 'uefi-secure';
}

/** Absent: OS_CLOUD, the OS_* variables, or the only entry of clouds.yaml. */
export interface CloudRequest {
  readonly cloud?: string;
  readonly region?: string;
}

export interface PlanRequest {
  readonly factory?: string;
  /** Names of image lines; empty: all. */
  readonly images: readonly string[];
  /** Leave out lines whose promoted image would be built from the same again. */
  readonly changed: boolean;
  /** List changed lines even if nothing makes them due. */
  readonly force: boolean;
  /** Directory of bundles, from which relative paths of stores start. */
  readonly output: string;
  readonly mirror?: string;
}

export interface MatrixLeg {
  readonly image: string;
  readonly architecture: string;
  readonly runner: string;
}

export interface PlanResult {
  readonly factory: Factory;
  /** What a workflow's `strategy.matrix` takes; 256 legs at most a batch. */
  readonly matrices: readonly { readonly include: readonly MatrixLeg[] }[];
  /** Why each line is due or not; empty unless that was asked for. */
  readonly due: readonly PlannedLine[];
}

export interface PlannedLine {
  readonly image: string;
  readonly architecture: string;
  /** Whether it is among the legs. */
  readonly due: boolean;
  readonly reason: string;
  /** What differs from the newest build, one sentence each. */
  readonly changes: readonly string[];
  /** The first script of the last build here that is open: with all after it, it is used again only for a time. */
  readonly open?: string;
}

/** What a build may start from. */
export interface LayersRequest {
  /** Neither use nor leave layers. */
  readonly cold: boolean;
  /** Limit of all layers, GiB. */
  readonly layers: number;
  /** Hours for which a layer stands that depends on more than its key. */
  readonly layerAge: number;
}

export interface BuildRequest extends CommonRequest, LayersRequest {
  /** Absent: the only image line of the factory file. */
  readonly image?: string;
  /** Build even what has not changed. */
  readonly force: boolean;
  /** Directory in which the bundle is made: `OUTPUT/IMAGE/VERSION-ARCHITECTURE`. */
  readonly output: string;
  /** Package mirror for the build, e.g. a URL; absent: the factory file's, else the host's own. */
  readonly mirror?: string;
  /** Seconds that a mirror may be silent or creep. */
  readonly mirrorTimeout?: number;
  /** `YYYYMMDD.N`, which is built whether anything has changed or not; absent: today's next. */
  readonly version?: string;
  /** Work directory of the build; absent: memory when there is enough of it, else the output directory. */
  readonly work?: string;
}

export interface BuildResult {
  /** `kept`: an earlier build of the same inputs, which is not promoted yet; `skipped`: no build is due. */
  readonly outcome: 'built' | 'kept' | 'skipped';
  /** Why, in one line. */
  readonly reason: string;
  readonly image: string;
  /** Of what was built, or stands; empty where nothing was ever built. */
  readonly version: string;
  /** What was built or kept; of what was skipped, what lies here. */
  readonly bundle?: BuiltBundle;
}

/** A bundle that the chain goes on with. */
export interface BuiltBundle {
  /** Absolute path of the bundle. */
  readonly bundle: string;
  readonly manifest: Manifest;
  /** Absolute paths of the image files by form. */
  readonly files: Readonly<Record<string, string>>;
}

export interface ReapRequest extends CloudRequest {
  /** Hours. */
  readonly olderThan: number;
  readonly dryRun: boolean;
}

export interface ReapResult {
  readonly cloud: string;
  /** Removed, or to be removed. */
  readonly leftovers: readonly Made[];
  /** Ours too, and younger or to be kept. */
  readonly left: readonly Made[];
}

export interface VerifyRequest extends CommonRequest, KeyRequest, BootRequest, CloudRequest {
  /** Absent: qemu. */
  readonly machine?: 'qemu' | 'nova';
  /** Id of an image in the cloud, whose bytes must be the bundle's; absent: it is uploaded. */
  readonly cloudImage?: string;
  /** Names or ids; see src/boot/nova/types.ts. */
  readonly flavor?: string;
  readonly network?: string;
  readonly floatingNetwork?: string;
  readonly zone?: string;
  /** Hours for which the guest is left to look at; absent: 0. */
  readonly keep?: number;
  readonly bundle: string;
  /** Name of the one check to run; its verdict accepts nothing that requires more. */
  readonly only?: string;
}

export interface VerifyResult {
  readonly report: Report;
  /** Absolute path of the statement's folder. */
  readonly statement: string;
}

export interface SignRequest extends CommonRequest, KeyRequest {
  readonly bundle: string;
}

export interface SignResult {
  readonly fingerprint: string;
  readonly localTestKey: boolean;
  readonly coreDigest: string;
  /** Paths of the signatures, relative to the bundle. */
  readonly signatures: readonly string[];
}

export interface SignLayersRequest extends Omit<CommonRequest, 'installTools'>, KeyRequest {
  /** Absolute path. */
  readonly folder: string;
}

export interface SignLayersResult {
  readonly layers: readonly ListedLayer[];
  /** Of the key that signed; absent: there was nothing to sign. */
  readonly fingerprint?: string;
}

export interface PromoteRequest extends CommonRequest, KeyRequest, BootRequest {
  readonly bundle: string;
  readonly stage: string;
  /** Directory that relative store paths start from. */
  readonly output: string;
  readonly dryRun: boolean;
}

export interface PromoteResult {
  readonly stage: string;
  /** What was done, or would be, one sentence each. */
  readonly steps: readonly string[];
  readonly published: readonly StoredImage[];
  readonly hidden: readonly StoredImage[];
  readonly reports: readonly Report[];
}

export interface DeployRequest extends CommonRequest {
  readonly bundle: string;
  /** A block device, or a file that is not there yet. */
  readonly to: string;
  readonly dryRun: boolean;
}

export interface DeployResult {
  readonly manifest: Manifest;
  /** Fingerprint of the key that sealed the core. */
  readonly signedBy: string;
  readonly target: Target;
  /** The file of the core that was written from. */
  readonly source: string;
  /** Bytes written; the rest of the disk are zeros. */
  readonly written: number;
}

export interface CheckRequest extends CommonRequest {
  readonly bundle: string;
}

export interface DiffRequest {
  /** Paths of the older and the newer bundle. */
  readonly before: string;
  readonly now: string;
  readonly installTools: boolean;
}

export interface ReproduceRequest
  extends Omit<BuildRequest, 'image' | 'force' | 'version' | keyof LayersRequest> {
  readonly bundle: string;
}

export interface Reproduction extends BitDifference {
  /** Of the bundle that was built again. */
  readonly manifest: Manifest;
  /** What was not as at its first build and may be the reason, one sentence each. */
  readonly causes: readonly string[];
  /** Absolute path of the second bundle, kept when it differs. */
  readonly rebuilt?: string;
  /** Absolute path of the verdict as JSON. */
  readonly report: string;
}

export interface BundleCheck {
  readonly manifest: Manifest;
  readonly coreDigest: string;
  readonly signedBy: string;
  readonly verdicts: readonly {
    place: string;
    run: string;
    passed: boolean;
    finishedAt: string;
    signedBy: string;
  }[];
  readonly results: readonly CheckResult[];
}

export interface RunRequest extends CommonRequest, LayersRequest, KeyRequest, BootRequest {
  readonly images: readonly string[];
  readonly output: string;
  readonly mirror?: string;
  readonly mirrorTimeout?: number;
  readonly dryRun: boolean;
  /** Build even when nothing changed. */
  readonly force: boolean;
}

export interface LineResult {
  readonly image: string;
  readonly version: string;
  /** `waiting`: changed, and not due by the line's `rebuild`. */
  readonly outcome: 'promoted' | 'unchanged' | 'waiting' | 'would-build';
  readonly bundle?: string;
  /** Absolute path of the HTML page. */
  readonly page?: string;
  readonly localTestKey: boolean;
}

export interface RunResult {
  readonly lines: readonly LineResult[];
}
