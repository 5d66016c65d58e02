// Started by workdir.test.ts: makes a work directory with a file in it, says where, and waits to be killed.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext } from '../../src/host/context.ts';
import { withWorkDirectory } from '../../src/host/workdir.ts';

await withWorkDirectory(createContext(), process.argv[2] ?? '', async directory => {
  await writeFile(join(directory, 'file'), 'x');
  console.log(directory);
  await new Promise(() => setInterval(() => {}, 1000));
});
