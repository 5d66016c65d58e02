// The test cloud by hand; see README.md. Started by `cloud`.
import { resolve } from 'node:path';
import { createContext } from '../../src/host/context.ts';
import { silentLog } from '../../src/host/log.ts';
import { bringUp, memory, takeDown, wipe } from './cloud.ts';
import { daemons } from './daemons.ts';
import { Place } from './place.ts';

const USAGE = 'usage: test/openstack/cloud up|whole|down|wipe|status DIRECTORY';

async function up(directory: string, tier: 1 | 2 = 1): Promise<void> {
  const began = Date.now();
  const log = { ...silentLog, info: (line: string) => console.log(line) };
  const { cloudsFile } = await bringUp(createContext({ env: process.env, log }), directory, { tier });
  console.log(`up in ${((Date.now() - began) / 1000).toFixed(1)} s; OS_CLIENT_CONFIG_FILE=${cloudsFile}`);
}

async function status(directory: string): Promise<void> {
  const place = await Place.open(directory);
  for (const { name, pid } of await daemons(place))
    console.log(pid === undefined ? `down  ${name}` : `up    ${name} (${pid})`);
  console.log(`memory: ${await memory(place)} MiB`);
}

const [command, directory, ...rest] = process.argv.slice(2);
const work = { up, whole: (at: string) => up(at, 2), down: takeDown, wipe, status }[command ?? ''];
if (work === undefined || directory === undefined || rest.length > 0) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await work(resolve(directory));
}
