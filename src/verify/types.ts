import type { Machine } from '../boot/types.ts';

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface CheckResult {
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** One cleaned line: what was seen. */
  readonly detail: string;
}

/** One acceptance test: one file in checks/, one line in its list. */
export interface Check {
  /** `ssh`, `user-data`, ... */
  readonly name: string;
  /** A sentence: what it protects the customer from. */
  readonly protects: string;
  /** @returns what was seen; throws CheckError with what is wrong */
  run(guest: GuestUnderTest): Promise<string>;
}

export interface GuestUnderTest {
  readonly machine: Machine;
  readonly userName: string;
  /** Size of the image's own disk and of the disk the guest got, bytes. */
  readonly imageSize: number;
  readonly diskSize: number;
  /** Random hex digits that user-data wrote to /run/image-factory-user-data. */
  readonly nonce: string;
  /** What cloud-init says of its own work. */
  readonly cloudInit: CloudInitState;
}

/** `degraded`: it finished, and met errors on the way that it could work around. */
export interface CloudInitState {
  readonly status: 'done' | 'degraded' | 'error';
  /** Its own words, one cleaned line. */
  readonly detail: string;
}

/** Everything one run of the suite found; `report.json` beside the verdict. */
export interface Report {
  readonly formatVersion: 1;
  readonly image: string;
  readonly version: string;
  /** `qemu`, or the store in which the bytes stood: `directory:stores/staging`. */
  readonly place: string;
  /** Unique id of this run of the suite. */
  readonly run: string;
  /** Link to the CI job, or where it ran. */
  readonly job: string;
  readonly machine: { readonly kind: string; readonly accelerator: string; readonly firmware: string };
  readonly coreDigest: string;
  readonly diskDigest: string;
  readonly bootedFile: { readonly path: string; readonly sha256: string; readonly sha512: string };
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Seconds from power-on to cloud-init finished; 0 when it never did. */
  readonly bootSeconds: number;
  readonly required: readonly string[];
  readonly checks: readonly CheckResult[];
  readonly passed: boolean;
}
