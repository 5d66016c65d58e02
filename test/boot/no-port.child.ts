// Started by qemu.test.ts in a network of its own: takes the one port that it has, boots, and says what comes of it.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { bootQemu } from '../../src/boot/qemu.ts';
import { createContext } from '../../src/host/context.ts';
import { emptyDisk } from './guest.ts';

const [directory = ''] = process.argv.slice(2);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '40000 40000');
const taken = createServer();
taken.listen(40_000, '127.0.0.1');
await once(taken, 'listening');
const request = await emptyDisk(createContext(), directory);
for (const metadata of ['nocloud', 'service'] as const) {
  const error = await bootQemu({ ...request, metadata }).catch((each: unknown) => each);
  process.stdout.write(`${error}\n`);
}
process.exit();
