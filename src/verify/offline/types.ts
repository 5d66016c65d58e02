import type { Manifest } from '../../bundle/types.ts';
import type { AllowList, ImageLine } from '../../definition/types.ts';
import type { Context } from '../../host/context.ts';
import type { ImageContent } from '../../image/content.ts';
import type { Documents } from '../../image/documents.ts';
import type { Logins } from '../../image/logins.ts';
import type { PackageFiles } from '../../image/package-files.ts';
import type { InstalledPackage } from '../../image/packages.ts';
import type { HardeningScore } from '../hardening/score.ts';
import type { Scan } from './scan.ts';

/** A bundle whose bytes are looked at, and what the factory file says of it. */
export interface BundleUnderTest {
  /** Folder of the core. */
  readonly core: string;
  /** The build's word on what it made. */
  readonly manifest: Manifest;
  /** The factory file's word on what it should have made. */
  readonly line: ImageLine;
  /** Who may log in, by the factory file. */
  readonly logins: Logins;
  /** Findings that the factory file takes as they are. */
  readonly allow: AllowList;
  /** Directory in which a work directory may be made; nothing is left there. */
  readonly work: string;
  /** Looks packages up in the archive as it stands now; absent: none is known. */
  readonly pendingUpdates?: (installed: readonly InstalledPackage[]) => Promise<readonly PendingUpdate[]>;
  /** Absent: there is no version before this one, or nothing is known of it. */
  readonly previousScore?: PreviousScore;
}

/** An image whose bytes are looked at, without a boot and without a mount. */
export interface ImageUnderTest extends BundleUnderTest {
  readonly context: Context;
  /** Path in the core of the file that is looked at. */
  readonly opened: string;
  /** Path of the raw disk in it. */
  readonly raw: string;
  readonly content: ImageContent;
  /** What the documents of the bundle should say; made when first asked for. */
  documents(): Promise<Documents>;
  /** How its files stand to their packages; compared when first asked for. */
  packageFiles(): Promise<PackageFiles>;
  /** Secrets and names of the build host in it; looked for when first asked for. */
  scan(): Promise<Scan>;
}

/** A package of the image, and the version that mends it. */
export interface PendingUpdate {
  readonly name: string;
  readonly version: string;
  readonly now: string;
}

/** The rules of hardening that the version before met, by their names. */
export interface PreviousScore {
  readonly version: string;
  readonly met: readonly string[];
}

/** One thing that is wrong. */
export interface Finding {
  /** What an entry of the allow-list names: a path, a package, a rule. */
  readonly what: string;
  /** Why that is wrong, a few words. */
  readonly why: string;
}

export interface Looked {
  readonly findings: readonly Finding[];
  /** What was seen, one line. */
  readonly seen: string;
  readonly score?: HardeningScore;
}
