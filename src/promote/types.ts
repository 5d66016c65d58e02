import type { ImageFile } from '../bundle/types.ts';

export type Visibility = 'private' | 'public';

/** An image as a store knows it. Properties are hints to resume by; no trust decision reads them. */
export interface StoredImage {
  readonly id: string;
  readonly line: string;
  readonly version: string;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly file: ImageFile;
  readonly createdAt: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** Where promoted images live; one file in stores/ per kind. */
export interface Store {
  readonly name: string;
  /** All images of a line, or of all lines, newest first, hidden ones too. */
  list(line?: string): Promise<readonly StoredImage[]>;
  /** Copies the file in, private; the bytes in the store are compared by file digest before it returns. */
  upload(request: {
    line: string;
    version: string;
    file: ImageFile;
    source: string;
    properties: Readonly<Record<string, string>>;
  }): Promise<StoredImage>;
  /** A path to read the stored bytes from. */
  open(id: string): Promise<string>;
  /** Changes visibility, hiding or properties in one atomic step. */
  change(
    id: string,
    change: { visibility?: Visibility; hidden?: boolean; properties?: Readonly<Record<string, string>> },
  ): Promise<StoredImage>;
  remove(id: string): Promise<void>;
}
