import { afterEach, describe, expect, it } from 'vitest';
import { NovaMachine } from '../../../src/boot/nova/machine.ts';
import { CheckError } from '../../../src/host/errors.ts';
import { servicesOf } from '../../../src/openstack/runs/leftovers.ts';
import { inTemporary } from '../../host/support.ts';
import { json, type OddServer, oddServer } from '../../openstack/server.ts';

let server: OddServer;
afterEach(() => server.close());

/** A machine whose server Nova shows like this, and whose console says that. */
async function machineOf(shown: object, output: string, body: (machine: NovaMachine) => Promise<unknown>) {
  server = await oddServer((request, response) => {
    if (request.url?.endsWith('/action')) return json(response, { output });
    if (!request.url?.includes('/servers/'))
      return json(response, { version: { version: '2.79', min_version: '2.1' } });
    json(response, { server: { id: 's', name: 's', status: 'ACTIVE', created: '', ...shown } });
  });
  const session = await server.session();
  let removed = 0;
  const services = await servicesOf(session);
  await inTemporary(async directory => {
    const machine = new NovaMachine({
      ...{
        context: session.context,
        services,
        server: 's',
        image: 'i',
        disk: 4,
        patience: 1000,
        budget: 1000,
      },
      ssh: { host: '127.0.0.1', port: 9, user: 'debian', directory },
      ...{ facts: {}, properties: {}, configDrive: () => Promise.resolve('configdrive') },
      told: { hostName: 'h', publicKey: 'k', address: '10.0.0.5', router: undefined },
      remove: async () => {
        removed++;
      },
    });
    await body(machine);
    await machine.close();
    await machine.close();
  });
  return removed;
}

describe('a server as a machine', () => {
  it("has the flavor's disk, Nova's word on how it stands, and is removed once", async () => {
    const removed = await machineOf({}, '', async machine => {
      expect(machine.diskSize).toBe(4 * 1024 ** 3);
      expect(machine.address).toEqual({ host: '127.0.0.1', port: 9 });
      expect(await machine.status()).toBe('running');
    });
    expect(removed).toBe(1);
  });

  it.each([
    [{ status: 'SHUTOFF' }, 'ended: Nova says SHUTOFF'],
    [
      { status: 'ERROR', fault: { message: 'disk\u001b[2J full', code: 500 } },
      /^ended: Nova says ERROR, disk.* full$/,
    ],
    [{ status: 'REBOOT' }, 'reboot'],
  ])('of which Nova says %j is told so', async (shown, told) => {
    await machineOf(shown, '', async machine => {
      const status = await machine.status();
      expect(status).toMatch(told);
      expect(status).not.toContain('\u001b');
    });
  });

  it('is waited for by its console, and given up with its last words', async () => {
    const output = 'Booting\r\nDebian GNU/Linux 12 h ttyS0\r\n';
    await machineOf({}, output, async machine => {
      const soon = Date.now() + 60_000;
      await machine.waitForConsole(/GNU\/Linux 12/, soon, 'the login prompt');
      const never = machine.waitForConsole(/cloud-init .* finished/, Date.now() - 1, 'cloud-init');
      await expect(never).rejects.toThrow(CheckError);
      await expect(never).rejects.toThrow(/cloud-init was not reached in time: .*Debian GNU\/Linux 12/);
    });
  });

  it('whose guest panics is not waited for any longer', async () => {
    await machineOf({}, 'Kernel panic - not syncing: VFS: Unable to mount root fs\n', async machine => {
      const asked = machine.waitForConsole(/login:/, Date.now() + 3_600_000, 'the login prompt');
      await expect(asked).rejects.toThrow(/the login prompt will not be reached: .*panic/i);
    });
  });
});
