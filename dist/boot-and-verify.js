import { start } from './index.js';
await start('boot-and-verify');
