import { mkdir } from 'node:fs/promises';
import { run } from '../../../src/host/process.ts';
import { startDaemon, waitForDaemon } from '../daemons.ts';
import type { Place } from '../place.ts';

const NAME = 'libvirtd';

/** Of the node's own /run. */
const LIBVIRT_URI = 'qemu:///system';

const DAEMON = `unix_sock_group = "root"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:stderr"
max_clients = 100
`;

/** Guests are root's, as their files are: the node's namespaces are what confines them. No virtlogd is there. */
const GUESTS = `security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
namespaces = [ ]
cgroup_controllers = [ ]
`;

/** libvirtd, in whose place of configuration and state the node has the cloud's own. */
export async function startLibvirt(place: Place): Promise<void> {
  for (const each of ['qemu', 'nwfilter', 'storage'])
    await mkdir(place.path('etc', 'libvirt', each), { recursive: true });
  await place.write('etc/libvirt/libvirtd.conf', DAEMON);
  await place.write('etc/libvirt/qemu.conf', GUESTS);
  await place.write('etc/libvirt/network.conf', '');
  await startDaemon(place, NAME, ['libvirtd', '--config', '/etc/libvirt/libvirtd.conf']);
  await waitForDaemon(place, NAME, async () => {
    const argv = [...place.enter, 'virsh', '-q', '-c', LIBVIRT_URI, 'version'];
    return (await run(argv, { accept: [0, 1] })).status === 0;
  });
}
