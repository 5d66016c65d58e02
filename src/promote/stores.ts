import { resolve } from 'node:path';
import type { StoreReference } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { openDirectoryStore } from './stores/directory.ts';
import type { Store } from './types.ts';

/** Opens a store; readOnly touches nothing. */
type Opener = (
  context: Context,
  reference: StoreReference,
  output: string,
  options: { readOnly: boolean },
) => Promise<Store>;

/** The kinds of stores: one file in stores/, one line here. */
const KINDS: Readonly<Record<StoreReference['kind'], Opener>> = {
  directory: (context, reference, output, options) =>
    openDirectoryStore(context, reference, resolve(output, reference.path), options),
};

/** @param output directory that relative paths of stores start from */
export const openStore: Opener = (context, reference, output, options) =>
  KINDS[reference.kind](context, reference, output, options);
