import { mask, onceAtBoot, unit } from '../parts.ts';
import type { Plot } from '../planting.ts';
import { defect, type GuestMutation } from '../types.ts';

const FIRST_ADDRESS = 'set -- $(ip -4 -o addr show scope global | head -n 1);';

/** Defects of network and clock. */
export const NETWORK: readonly GuestMutation[] = [
  defect([
    'dhcp',
    'an address that is kept for ever',
    /is not from DHCP/,
    plot =>
      onceAtBoot(
        plot,
        'app-address',
        `${FIRST_ADDRESS} ip addr change $4 dev $2 valid_lft forever preferred_lft forever`,
      ),
  ]),
  defect(
    [
      'route',
      'a second default route',
      /the default route is not/,
      plot =>
        onceAtBoot(
          plot,
          'app-route',
          `${FIRST_ADDRESS} ip route add default via $(echo $4 | cut -d . -f 1-3).99 dev $2 metric 9999`,
        ),
    ],
    { also: ['static-network'] },
  ),
  defect([
    'resolver',
    'a resolver of its own',
    /192\.0\.2\.53/,
    plot => plot.file('/etc/systemd/resolved.conf.d/app.conf', '[Resolve]\nDNS=192.0.2.53\n'),
  ]),
  defect([
    'throughput',
    'a card that is held back',
    /less than the 1\.0 asked for/,
    plot =>
      onceAtBoot(
        plot,
        'app-shaper',
        `${FIRST_ADDRESS} tc qdisc add dev $2 root tbf rate 2mbit burst 16kb latency 400ms`,
      ),
  ]),
  defect([
    'time',
    'a time server that nobody reaches',
    /did not set the clock/,
    plot =>
      plot.file('/etc/systemd/timesyncd.conf.d/app.conf', '[Time]\nNTP=127.0.0.1\nFallbackNTP=127.0.0.1\n'),
  ]),
  defect([
    'time',
    'nothing that keeps the time',
    /nothing keeps the time/,
    plot => mask(plot, 'systemd-timesyncd.service'),
  ]),
  defect(['listening', 'a service for everybody', /tcp\/8080/, listener]),
  defect([
    'static-network',
    'an MTU of its own',
    /the MTU of the first interface is 1500/,
    plot =>
      onceAtBoot(
        plot,
        'app-mtu',
        'cd /sys/class/net && for link in e*; do ip link set dev $link mtu 1500; done',
      ),
  ]),
];

async function listener(plot: Plot): Promise<void> {
  await plot.file('/etc/systemd/system/app@.service', '[Service]\nExecStart=/bin/true\n');
  await unit(plot, 'app.socket', '[Socket]\nListenStream=8080\nAccept=yes\n', 'sockets.target');
}
