// Started by sandbox-death.test.ts: opens a sandbox, starts processes and mounts in it, and waits to be killed.
import { createContext } from '../../src/host/context.ts';
import { rootPrefix } from '../../src/host/privilege.ts';
import { Sandbox } from '../../src/host/sandbox/sandbox.ts';

const [tools = '', mountPoint = '', mark = ''] = process.argv.slice(2);
const sandbox = await Sandbox.open(createContext(), await rootPrefix());
await sandbox.enter({
  tools,
  mountPoint,
  binds: [],
  memory: [{ target: '/build', bytes: 64 << 20 }],
  network: true,
});
const script = `mount -t tmpfs tmpfs /build
setsid sleep ${mark} > /dev/null 2>&1 &
sleep ${mark} &
echo ready
wait`;
try {
  const supervised = sandbox.run(['setsid', 'sleep', mark], { as: 'supervisor' });
  await Promise.all([supervised, sandbox.run(['sh', '-c', script], { onLine: line => console.log(line) })]);
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  process.exitCode = 3;
}
