import { inSession } from '../actions/process.ts';
import { assemble } from './contestants.ts';
import { mediansTable, ratiosTable, stepsTable } from './figures.ts';
import { compete, prepareHost, readOptions } from './rounds.ts';

/** Cold builds side by side, in turn; README.md tells what is measured and how. */

const HELP = `Usage: bench/cold-build [--rounds N] [--only NAME]... [--work DIRECTORY]

Builds the same Debian image by image-factory, by the bare tools, by
diskimage-builder and by mkosi, in turn, and prints what each took. Needs root on Debian.

  --only NAME       one of those that compete; may be given several times.
                    Default: all.
  --rounds N        counted rounds, after one that fills the caches. Default: 3.
  --work DIRECTORY  on a disk with 8 GiB of room; caches, logs and results.json
                    stay there. Default: /var/tmp/image-factory-bench.
`;

await inSession({ verbose: false, out: process.stderr }, async ({ context }) => {
  const options = readOptions('bench/cold-build', process.argv.slice(2));
  if (options === undefined) return void process.stdout.write(HELP);
  await prepareHost(context, options.work);
  const contestants = await assemble(context, options.work);
  const runs = await compete(context, options, contestants, 'results.json');
  const tables = [mediansTable(runs), ratiosTable(runs), stepsTable(runs, 'image-factory')];
  process.stdout.write(`\n${tables.join('\n\n')}\n`);
});
