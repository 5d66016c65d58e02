import { start } from './index.js';
await start('sign-layers');
