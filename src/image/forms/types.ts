import type { FileForm } from '../../definition/forms.ts';
import type { Disk } from '../../definition/types.ts';
import type { Context } from '../../host/context.ts';
import type { HostTool } from '../../host/tools.ts';

/** What a form is made from, as the sandbox sees it. */
export interface ConvertRequest {
  /** The raw disk. */
  readonly raw: string;
  /** The finished tree. */
  readonly tree: string;
  /** Paths in the tree, absolute in the image, whose content is no part of it: what the firmware has of its own. */
  readonly foreign: readonly string[];
  /** Path of each file that it writes; the file is there, empty. */
  readonly file: (form: FileForm) => string;
  readonly compression: Disk['compression'];
  /** Seconds since 1970: no time in a file is later. */
  readonly epoch: number;
}

/** Makes a form. The same disk or tree gives the same bytes. */
export interface Converter {
  readonly files: readonly FileForm[];
  /** Room that they take, as a share of the tree's size, at most. */
  readonly share: number;
  /** The command that writes them, run in the sandbox; absent for the raw disk, which is there already. */
  readonly argv?: (request: ConvertRequest) => readonly string[];
  /** What to tell of a command that failed, where its tree was the reason; else the error itself. */
  readonly explain?: (error: unknown) => unknown;
}

interface Reader {
  /** What the host must have for it, beside what every host has that works with images. */
  readonly tools?: readonly HostTool[];
}

/** Reads a file that holds a whole disk. The file is not trusted. */
export interface DiskReader extends Reader {
  /**
   * Bytes of the disk in it.
   * @throws CheckError when it would not be this one disk to everybody
   */
  diskSize(path: string): Promise<number>;
  /** The disk from its first byte to its last, where that needs no copy of it. */
  readonly read?: (context: Context, path: string) => AsyncIterable<Buffer>;
  /** Writes the disk to a new sparse file, where it cannot be read in order; throws ToolError. */
  readonly unpack?: (context: Context, path: string, raw: string) => Promise<void>;
}

/** Reads a file that holds a tree. The file is not trusted. */
export interface TreeReader extends Reader {
  /** The tree as a tar archive. */
  archive(context: Context, path: string): AsyncIterable<Buffer>;
}
