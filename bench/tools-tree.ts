import { toolsSources } from '../src/build/distributions/debian.ts';
import { createContext } from '../src/host/context.ts';
import { toolsTree } from '../src/host/sandbox/tools-tree.ts';
import { hostArchive } from './contestants.ts';

/** Makes the tools tree in an empty cache: what a host pays once. */
const [cache = ''] = process.argv.slice(2);
const context = createContext({ env: process.env });
await toolsTree(context, { cache, root: [], sources: toolsSources(await hostArchive()), set: 'engine' });
