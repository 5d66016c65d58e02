import { access } from 'node:fs/promises';
import type { Context } from '../../src/host/context.ts';
import { rootPrefix } from '../../src/host/privilege.ts';
import { plainEnvironment, run } from '../../src/host/process.ts';

/** Debian 12's packages (OpenStack Zed) by tier; each tier needs those below it too. */
export const PACKAGES: Readonly<Record<1 | 2, readonly string[]>> = {
  1: [
    'keystone',
    'glance-api',
    'mariadb-server',
    'uwsgi-core',
    'uwsgi-plugin-python3',
    'python3-openstacksdk',
    'qemu-utils',
    'curl',
    'procps',
  ],
  2: [
    'placement-api',
    'nova-api',
    'nova-conductor',
    'nova-scheduler',
    'nova-compute',
    'nova-compute-kvm',
    'rabbitmq-server',
    'libvirt-daemon-system',
    'libvirt-clients',
    'qemu-system-x86',
    'genisoimage',
    'sudo',
    'neutron-server',
    'neutron-linuxbridge-agent',
    'neutron-l3-agent',
    'neutron-dhcp-agent',
    'neutron-metadata-agent',
    'iproute2',
    'iptables',
    'ipset',
    'ebtables',
    'conntrack',
    'haproxy',
  ],
};

async function isInstalled(name: string): Promise<boolean> {
  const { stdout } = await run(['dpkg-query', '-s', name], { accept: [0, 1] });
  return stdout.includes('\nStatus: install ok installed\n');
}

/** Installs what is missing, after saying so; no service of these packages is started. */
export async function installPackages(context: Context, packages: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of packages) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;
  if (context.env.IMAGE_FACTORY_INSTALL_TOOLS === 'false') {
    throw new Error(`the test cloud needs: apt-get install ${missing.join(' ')}`);
  }
  context.log.info(`installing for the test cloud: ${missing.join(' ')}`);
  const root = await rootPrefix();
  await withoutServices(root, async () => {
    const options = ['-q', '-y', '-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=300'];
    const env = plainEnvironment({ DEBIAN_FRONTEND: 'noninteractive' });
    await run([...root, 'apt-get', 'update', '-q'], { env });
    await run(
      [
        ...root,
        'env',
        'DEBIAN_FRONTEND=noninteractive',
        'apt-get',
        'install',
        '--no-install-recommends',
        ...options,
        ...missing,
      ],
      { env },
    );
  });
}

/** Debian starts a service on installation unless this file says no. */
async function withoutServices(root: readonly string[], work: () => Promise<void>): Promise<void> {
  const file = '/usr/sbin/policy-rc.d';
  if (
    await access(file).then(
      () => true,
      () => false,
    )
  )
    return work();
  await run([...root, 'install', '-m', '755', '/dev/stdin', file], { input: '#!/bin/sh\nexit 101\n' });
  try {
    await work();
  } finally {
    await run([...root, 'rm', '-f', file]);
  }
}
