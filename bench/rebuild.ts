import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inSession } from '../actions/process.ts';
import { type RunResult, run } from '../src/host/process.ts';
import { UpdatedBed } from '../test/end-to-end/updated-bed.ts';
import type { Contestant } from './contestant.ts';
import { diskimageBuilder, hostArchive } from './contestants.ts';
import { mediansTable, type Run, sharesTable, stepsTable } from './figures.ts';
import { compete, prepareHost, readOptions } from './rounds.ts';

/** Rebuilds beside diskimage-builder's, in turn; README.md tells what is measured and how. */

const HELP = `Usage: bench/rebuild [--rounds N] [--only NAME]... [--work DIRECTORY]

Builds an image again by diskimage-builder, and by image-factory after an element
was edited, after nothing has changed, and after a mirror of its own got later
versions of some packages, and prints what each took. Needs root on Debian.

  --only NAME       one of those that compete; may be given several times.
                    Default: all.
  --rounds N        counted rounds, after one that fills the caches. Default: 3.
  --work DIRECTORY  on a disk with 8 GiB of room; caches, logs and rebuild.json
                    stay there. Default: /var/tmp/image-factory-bench.
`;

/** Packages that get a later version in each round, with the file that changes. */
const UPDATED = [
  ['iproute2', 'usr/share/doc/iproute2/copyright'],
  ['sudo', 'usr/bin/sudo'],
  ['openssh-sftp-server', 'usr/lib/openssh/sftp-server'],
] as const;

const UNCHANGED = 'image-factory, nothing changed';

function contestants(bed: UpdatedBed, peer: Contestant): Contestant[] {
  const ours = { caches: [bed.layers], results: (_out: string, result: RunResult) => built(result) };
  const warm = (output: string) => bed.command(output, '--cold', 'false');
  const before = async () => {
    await rm(bed.output, { recursive: true, force: true });
    const { argv, env } = warm(bed.output);
    await run(argv, { env });
  };
  return [
    peer,
    {
      ...{ ...ours, name: 'image-factory, edited element', command: warm },
      async prepare(round) {
        await before();
        await bed.writeElement(`echo welcome in round ${round} > /etc/motd`);
      },
    },
    { ...ours, name: UNCHANGED, prepare: before, command: () => warm(bed.output) },
    {
      ...{ ...ours, name: 'image-factory, updated packages', command: warm },
      async prepare(round) {
        for (const [name, path] of UPDATED) await bed.touch(name, path, `round ${round}\n`);
        await bed.archive.publish();
      },
    },
  ];
}

async function built(result: RunResult): Promise<{ qcow2: string; steps: Run['steps'] }> {
  const bundle = result.stdout.trim().split('\n').at(-1) ?? '';
  const { files, timings } = JSON.parse(await readFile(join(bundle, 'core/manifest.json'), 'utf8'));
  const { path } = files.find((each: { form: string }) => each.form === 'qcow2');
  return { qcow2: join(bundle, 'core', path), steps: timings };
}

await inSession({ verbose: false, out: process.stderr }, async ({ context }) => {
  const options = readOptions('bench/rebuild', process.argv.slice(2));
  if (options === undefined) return void process.stdout.write(HELP);
  await prepareHost(context, options.work);
  const bed = await UpdatedBed.open();
  try {
    const peer = diskimageBuilder(options.work, await hostArchive(), 'own');
    const runs = await compete(context, options, contestants(bed, peer), 'rebuild.json');
    const steps = contestants(bed, peer)
      .slice(1)
      .map(({ name }) => stepsTable(runs, name));
    process.stdout.write(`\n${[mediansTable(runs), sharesTable(runs, peer.name), ...steps].join('\n\n')}\n`);
  } finally {
    await bed.close();
  }
});
