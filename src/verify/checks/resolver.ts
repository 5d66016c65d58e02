import type { WatchedNetwork } from '../../boot/types.ts';
import type { Context } from '../../host/context.ts';
import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { asked } from '../asked.ts';
import { type GuestCheck, type GuestUnderTest, NotApplicable } from '../types.ts';

/** Milliseconds: a C library turns to its second resolver after five seconds without an answer. */
const SECOND = 8000;
/** A busy guest takes long until it asks at all. */
const POLL = 500;
const TRIES = 60;
/** Seconds. */
const LOOKUP = 60;
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
    const destinations = await questions(guest.context, () => network.queriesFor(name));
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

function nameOf({ unanswered }: WatchedNetwork, nonce: string): string {
  return `${nonce}.${unanswered}`;
}

/** Nothing comes of it: where the question went is what counts, and that is seen from outside. */
function lookup(name: string): string {
  return `(timeout ${LOOKUP} getent ahosts ${name} > /dev/null 2>&1 &)`;
}

async function questions(context: Context, seen: () => readonly string[]): Promise<readonly string[]> {
  for (let tries = 0; seen().length === 0 && tries < TRIES; tries++) await context.sleep(POLL);
  if (seen().length > 0) await context.sleep(SECOND);
  return seen();
}

async function via(guest: GuestUnderTest): Promise<string> {
  const configured = await asked(guest, CONFIGURED).catch(() => '');
  const stub = /^nameserver\s+(127\.\S+|::1)\s*$/m.exec(configured)?.[1];
  return stub === undefined ? '' : `, through the stub at ${clean(stub)}`;
}
