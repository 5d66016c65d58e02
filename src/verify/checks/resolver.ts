import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';
import { said } from './said.ts';

/** Seconds: a C library turns to its second resolver after five without an answer. */
const LOOKUP = 8;

export const resolver: GuestCheck = {
  kind: 'guest',
  name: 'resolver',
  protects:
    'The server asks the resolver that its network hands out, and no other, so that private names resolve and none leak.',
  severity: 'required',
  places: ['runner', 'store'],
  async run({ machine, nonce }) {
    const { network } = machine;
    if (network === undefined) throw new NotApplicable('nobody watches what leaves this guest');
    const { resolver: handedOut, unanswered } = network;
    const name = `${nonce}.${unanswered}`;
    // Not found is what comes of it: where the question went is what counts.
    await machine.ssh(`timeout ${LOOKUP} getent ahosts ${name}`);
    const asked = network.queriesFor(name);
    if (asked.length === 0) {
      throw new CheckError(`no question left the guest; it should have asked ${handedOut}`, {
        advice: 'its resolver has no server, or asks over an encrypted connection',
      });
    }
    const others = asked.filter(each => each !== handedOut);
    if (others.length > 0 || !asked.includes(handedOut)) {
      throw new CheckError(`the guest asked ${asked.join(', ')}, and ${handedOut} was handed out`);
    }
    return `a lookup asked ${handedOut}, which DHCP handed out, and nobody else${await via(machine)}`;
  },
};

async function via(machine: Parameters<typeof said>[0]): Promise<string> {
  const configured = await said(machine, 'cat /etc/resolv.conf').catch(() => '');
  const stub = /^nameserver\s+(127\.\S+|::1)\s*$/m.exec(configured)?.[1];
  return stub === undefined ? '' : `, through the stub at ${clean(stub)}`;
}
