import type { DiskForm, FileForm } from '../definition/forms.ts';
import type { ImageLine } from '../definition/types.ts';

/** Version of every file format in this folder; a reader refuses what it does not know. */
export const FORMAT_VERSION = 1;

export interface FileDigest {
  /** Path relative to the core, with forward slashes. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sha512: string;
}

/** A form of the image. */
export interface ImageFile extends FileDigest {
  readonly form: FileForm;
}

/** A file with the whole disk in it, which a machine boots. */
export interface DiskImage extends FileDigest {
  readonly form: DiskForm;
}

/** What an element fetched by a source-repository-* file. */
export type SourceRepository = {
  readonly name: string;
  /** Where it is in the image; empty for one that is only kept in the cache. */
  readonly path: string;
  /** Its address, without login and password. */
  readonly location: string;
} & (
  | { readonly kind: 'git'; readonly commit: string }
  | { readonly kind: 'tar' | 'file'; readonly sha256: string }
);

/** `core/manifest.json`: what went in, what came out, who built it. */
export interface Manifest {
  readonly formatVersion: typeof FORMAT_VERSION;
  readonly image: string;
  /** `20261121.1` */
  readonly version: string;
  readonly builtAt: string;
  /** Every time inside the image, seconds since 1970: the newest date of the packages in it. */
  readonly epoch: number;
  /** The resolved definition of the line. */
  readonly line: ImageLine;
  /** SHA-256 of all that went into the build; see src/build/inputs.ts. */
  readonly inputDigest: string;
  /** SHA-256 of the raw disk a guest sees, the same for every form. */
  readonly diskDigest: string;
  /** Size of that disk, bytes. */
  readonly diskSize: number;
  readonly files: readonly ImageFile[];
  readonly minimum: {
    /** GiB, rounded up, as Glance counts. */
    readonly disk: number;
    /** MiB, by the rule in src/image/minimum.ts. */
    readonly memory: number;
  };
  readonly builder: {
    readonly engine: string;
    /** Link to the CI job that built it, or where it ran. */
    readonly run: string;
    readonly host: string;
  };
  /** Name, version and layout of the root filesystem, for readers of the image. */
  readonly rootFilesystem: { readonly label: string; readonly uuid: string; readonly partition: number };
  /** All that stands on the disk, in the order in which it lies there. */
  readonly volumes: readonly {
    readonly name: string;
    /** 0: the whole disk. */
    readonly partition: number;
    readonly content: string;
    readonly uuid: string;
    readonly label?: string;
    /** Where it is mounted in the tree. */
    readonly mountPoint?: string;
  }[];
  readonly elements: readonly { readonly name: string; readonly digest: string }[];
  /** Versions of the tools that shaped the bytes. */
  readonly tools: Readonly<Record<string, string>>;
  /** Versions by name of the packages that the definition and its elements brought; see src/build/inputs.ts. */
  readonly packages: Readonly<Record<string, string>>;
  /** Key of the tools tree that the build ran in. */
  readonly toolsTree: string;
  readonly sources: readonly { readonly suite: string; readonly inReleaseSha256: string }[];
  /** Absent where no element fetched any. */
  readonly sourceRepositories?: readonly SourceRepository[];
  readonly timings: readonly { readonly what: string; readonly seconds: number }[];
}
