import { consoleLog, waitForServer } from '../../openstack/compute/servers.ts';
import { waitForLine } from './console.ts';
import type { Maker } from './make.ts';

/** Milliseconds. */
interface Patience {
  /** Until the server is ACTIVE. */
  readonly active: number;
  /** From then on, until its user-data was carried out. */
  readonly budget: number;
}

/** Says on the console who it is and where cloud-init found that out; JSON is YAML too. */
function userData(name: string): string {
  const runcmd = [['sh', '-c', `echo "${name} from $(cloud-id)" > /dev/console`]];
  return `#cloud-config\n${JSON.stringify({ runcmd })}\n`;
}

/**
 * Starts a server that has no network, so that all it learns comes from its config drive.
 * @returns a function that waits for its word on where its data came from
 */
export async function startOnConfigDrive(
  maker: Maker,
  source: { readonly image: string; readonly flavor: string },
  { active, budget }: Patience,
): Promise<() => Promise<string>> {
  const { services, run } = maker;
  const { context } = services.session;
  const id = await maker.server('config-drive', {
    ...{ ...source, networks: 'none', keyName: run.name, configDrive: true },
    userData: userData(run.name),
  });
  return async () => {
    await waitForServer(services.compute, id, 'ACTIVE', active);
    const pattern = new RegExp(`${run.name} from (\\S*)`);
    const deadline = context.now().getTime() + budget;
    const awaited = { pattern, deadline, phase: 'the end of cloud-init on the config drive' };
    const found = await waitForLine(context, () => consoleLog(services.compute, id), awaited);
    return found[1] ?? '';
  };
}
