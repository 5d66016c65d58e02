import type { FileDigest } from '../../bundle/types.ts';
import type { Session } from '../../openstack/session.ts';

/** Where in a cloud a server is put; names or ids, chosen by rule where absent. */
export interface Wishes {
  /** Default: the smallest that has room for the image and more. */
  readonly flavor?: string | undefined;
  /** Default: the project's only network, else the only one shared with it. */
  readonly network?: string | undefined;
  /** Where a floating IP comes from; `none`: the server's own address is reached. Default: where the router leads. */
  readonly floatingNetwork?: string | undefined;
  /** Default: the cloud's choice. */
  readonly zone?: string | undefined;
}

/** An image in a cloud, or what is uploaded as a private one for as long as the machine is there. */
export interface CloudImage {
  /** An image that is there already. */
  readonly id?: string | undefined;
  readonly name: string;
  /** Of the file that its bytes must be. */
  readonly file: FileDigest;
  readonly properties: Readonly<Record<string, string>>;
  /** GiB, MiB. */
  readonly minimum: { readonly disk: number; readonly memory: number };
}

/** What a machine in a cloud needs beside what every machine is asked. */
export interface CloudPlacement {
  readonly session: Session;
  /** How reports call the cloud. */
  readonly name: string;
  readonly image: CloudImage;
  readonly wishes: Wishes;
  /** Milliseconds that a guest may take from power-on until it is configured. */
  readonly budget: number;
  /** Most servers of ours in the project at a time; absent: as many as the cloud allows. */
  readonly servers?: number | undefined;
  /** Whether a second server is started, with a config drive and no network. */
  readonly configDrive: boolean;
  /** Hours for which everything is left as it is after the last check; 0: it is deleted at once. */
  readonly keep: number;
}
