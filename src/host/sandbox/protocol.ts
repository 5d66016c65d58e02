/**
 * What the caller's side (sandbox.ts) and the root side (agent.ts) say to each other: one JSON object a
 * line, requests on the agent's standard input, answers on its standard output. End of file on the input
 * means that the caller is gone, and ends the namespace.
 */
export interface Bind {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path inside; must exist in the tools tree or below a memory file system. */
  readonly target: string;
  readonly writable: boolean;
}

export interface EnterRequest {
  readonly op: 'enter';
  /** Absolute path of the tools tree, which becomes `/`, read-only. */
  readonly tools: string;
  /** An empty directory on the host, used as a mount point in the agent's own mount namespace. */
  readonly mountPoint: string;
  readonly binds: readonly Bind[];
  /** Memory file systems, with their size in bytes. */
  readonly memory: readonly { readonly target: string; readonly bytes: number }[];
  readonly network: boolean;
  /**
   * A directory on the host whose files programs may have as standard input or output. Nothing inside can name it:
   * the agent alone holds it open.
   */
  readonly files?: string;
}

export interface RunRequest {
  readonly op: 'run';
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly input?: string;
  /** Names of files in `files`, which must be there: the program's standard input, and output. */
  readonly from?: string;
  readonly to?: string;
  /**
   * `payload`: in a user namespace of its own, for everything that is not our own set-up; `room`: the same, but in
   * namespaces that last from `open-room` to `close-room`, so that mounts and daemons stay from one command to
   * the next.
   */
  readonly as: 'payload' | 'room' | 'supervisor';
}

export type Request =
  | EnterRequest
  | RunRequest
  | { readonly op: 'open-room' }
  | { readonly op: 'close-room' }
  /** Adds `by` to the owner and group of everything below path. */
  | { readonly op: 'shift'; readonly path: string; readonly by: number }
  /** Gives everything below path to the caller. */
  | { readonly op: 'give'; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly op: 'write'; readonly path: string; readonly text: string; readonly mode: number }
  | { readonly op: 'rename'; readonly from: string; readonly to: string }
  | { readonly op: 'remove'; readonly path: string };

export type Numbered = Request & { readonly id: number };

export type Answer =
  | { readonly id: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly id: number; readonly status: number }
  | { readonly id: number; readonly error: string };

/**
 * First id of the 65,536 users and groups of the sandbox, as the host sees them: just above the ranges that
 * systemd and the shadow suite hand out. Root inside is a nobody outside.
 */
export const UID_BASE = 0x7000_0000;
export const UID_COUNT = 65_536;
