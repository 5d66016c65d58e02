import { expect, it } from 'vitest';
import { countNetworkUse } from '../../../src/build/layers/snapshot.ts';
import { run } from '../../../src/host/process.ts';

const SNMP = (opens: number, datagrams: number) => `Ip: Forwarding
Ip: 1
Icmp: InMsgs OutMsgs OutEchos
Icmp: 1 2 0
Tcp: RtoAlgorithm ActiveOpens PassiveOpens
Tcp: 1 ${opens} 9
Udp: InDatagrams OutDatagrams
Udp: 5 ${datagrams}
Udp6OutDatagrams                \t7
`;

it('counts connections begun and datagrams sent, and nothing that comes in', () => {
  expect(countNetworkUse(SNMP(0, 0))).toBe(7);
  expect(countNetworkUse(SNMP(2, 3))).toBe(12);
});

it('a look at the network is seen in the counters of a real kernel', async () => {
  const script =
    'cat /proc/net/snmp /proc/net/snmp6; ip link set lo up; echo > /dev/udp/127.0.0.1/9; echo ---; cat /proc/net/snmp /proc/net/snmp6';
  const { stdout } = await run(['unshare', '--net', '--map-root-user', 'bash', '-c', script]);
  const [before = '', after = ''] = stdout.split('---\n');
  expect(countNetworkUse(after)).toBeGreaterThan(countNetworkUse(before));
});
