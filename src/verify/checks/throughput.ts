import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { lastLines } from '../../host/process.ts';
import { asRoot } from '../facts.ts';
import { serveIperf } from '../iperf.ts';
import { onPath, pushProgram } from '../pushed.ts';
import { type GuestCheck, type GuestUnderTest, NotApplicable } from '../types.ts';

const PROGRAM = 'iperf3';
const FOLDER = '/var/tmp/image-factory-iperf3';
const SECONDS = 5;
const PATIENCE = 60_000;
const MIB = 1024 ** 2;
/** Bytes a second that the slowest of cards brings. */
const LEAST = MIB;
const DIRECTIONS = { 'from the guest': '', 'to the guest': ' --reverse' } as const;

export const throughput: GuestCheck = {
  kind: 'guest',
  name: 'throughput',
  protects: 'The network card brings what the factory file asks of it, in both directions.',
  severity: 'required',
  places: ['runner'],
  alone: true,
  async run(guest) {
    const { throughput: least = LEAST, machine } = guest;
    if (machine.network === undefined) throw new NotApplicable('this guest has no way to the runner');
    const program = await onPath(PROGRAM);
    if (program === undefined) throw new NotApplicable('the runner has no iperf3: apt-get install iperf3');
    const seen: string[] = [];
    try {
      const client = await pushProgram(guest, program, FOLDER);
      for (const [direction, more] of Object.entries(DIRECTIONS)) {
        const rate = await measure(guest, program, `${client}${more}`);
        const told = `${(rate / MIB).toFixed(1)} MiB/s ${direction}`;
        if (rate < least) {
          throw new CheckError(`${told}, less than the ${(least / MIB).toFixed(1)} asked for`);
        }
        seen.push(told);
      }
    } finally {
      await machine.ssh(asRoot(`rm -rf ${FOLDER}`));
    }
    return `${seen.join(', ')} by iperf3`;
  },
};

/** @returns bytes a second that arrived */
async function measure(
  { context, machine }: GuestUnderTest,
  program: string,
  client: string,
): Promise<number> {
  const server = await serveIperf(context, program);
  const way = machine.network?.open(server.port);
  try {
    const command = `${client} --client ${way?.address} --port ${server.port} --json --time ${SECONDS}`;
    const { stdout, stderr } = await machine.ssh(asRoot(command), { timeout: PATIENCE });
    return readRate(stdout || stderr);
  } finally {
    way?.shut();
    await server.stop();
  }
}

/** @throws CheckError when there was no measurement */
function readRate(text: string): number {
  let told: { end?: { sum_received?: { bits_per_second?: unknown } }; error?: unknown } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    // Told below, in its own words.
  }
  const bits = told.end?.sum_received?.bits_per_second;
  if (typeof bits === 'number' && told.error === undefined) return bits / 8;
  const why = clean(String(told.error ?? lastLines(text, 1))).slice(0, 200);
  throw new CheckError(`iperf3 measured nothing: ${why}`);
}
