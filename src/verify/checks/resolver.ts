import type { WatchedNetwork } from '../../boot/types.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { asked } from '../asked.ts';
import { type GuestCheck, type GuestUnderTest, NotApplicable } from '../types.ts';

/** Seconds: one that is led to a server by IPv6, where nobody answers, asks it twice. */
const LOOKUP = 40;
const CONFIGURED = 'cat /etc/resolv.conf';

export const resolver: GuestCheck = {
  kind: 'guest',
  name: 'resolver',
  protects:
    'The server asks the resolver that its network hands out, and no other, so that private names resolve and none leak.',
  severity: 'required',
  places: ['runner', 'store'],
  asks: ({ machine: { network }, nonce }) =>
    network === undefined ? [] : [lookup(nameOf(network, nonce)), CONFIGURED],
  async run(guest) {
    const { nonce, machine } = guest;
    const { network } = machine;
    if (network === undefined) throw new NotApplicable('nobody watches what leaves this guest');
    const { resolver: handedOut } = network;
    const name = nameOf(network, nonce);
    await asked(guest, lookup(name));
    const destinations = network.queriesFor(name);
    if (destinations.length === 0) {
      throw new CheckError(`no question left the guest; it should have asked ${handedOut}`, {
        advice: 'its resolver has no server, or asks over an encrypted connection',
      });
    }
    const others = destinations.filter(each => each !== handedOut);
    if (others.length > 0 || !destinations.includes(handedOut)) {
      throw new CheckError(`the guest asked ${destinations.join(', ')}, and ${handedOut} was handed out`);
    }
    return `a lookup asked ${handedOut}, which DHCP handed out, and nobody else${await via(guest)}`;
  },
};

function nameOf({ unresolved }: WatchedNetwork, nonce: string): string {
  return `${nonce}.${unresolved}`;
}

/**
 * Nothing comes of it: where the questions went is what counts, and that is seen from outside. When it ends, each resolver that
 * is known was asked.
 */
function lookup(name: string): string {
  return `timeout ${LOOKUP} getent ahosts ${name} > /dev/null 2>&1 || :`;
}

async function via(guest: GuestUnderTest): Promise<string> {
  const configured = await asked(guest, CONFIGURED).catch(() => '');
  const stub = /^nameserver\s+(127\.\S+|::1)\s*$/m.exec(configured)?.[1];
  return stub === undefined ? '' : `, through the stub at ${clean(stub)}`;
}
