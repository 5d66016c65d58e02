import type { Datagram } from './packets.ts';

const DNS_PORT = 53;
const HEADER = 12;

/** The name that a DNS message asks for, in lower case without the final dot; undefined: it is no query. */
export function questionName(message: Buffer): string | undefined {
  if (message.length < HEADER + 5) return undefined;
  const isResponse = (message.readUInt8(2) & 0x80) !== 0;
  if (isResponse || message.readUInt16BE(4) === 0) return undefined;
  const labels: string[] = [];
  let offset = HEADER;
  for (;;) {
    const length = message[offset];
    // A question of a query has nothing before it that a compression pointer could name.
    if (length === undefined || length > 63) return undefined;
    if (length === 0) return labels.join('.').toLowerCase();
    const label = message.subarray(offset + 1, offset + 1 + length);
    if (label.length < length) return undefined;
    labels.push(label.toString('latin1'));
    offset += 1 + length;
  }
}

/** The name that a datagram asks a DNS server for; undefined: it does not. */
export function askedName({ destinationPort, protocol, payload }: Datagram): string | undefined {
  if (destinationPort !== DNS_PORT) return undefined;
  // Over TCP a message has its length in front.
  return questionName(protocol === 'tcp' ? payload.subarray(2) : payload);
}

export function isUnder(name: string, domain: string): boolean {
  return name === domain.toLowerCase() || name.endsWith(`.${domain.toLowerCase()}`);
}

const FLAGS = 2;
const ANSWERS = 6;
/** Type and class behind the name of a question. */
const ASKED = 4;
const [A, IN] = [1, 1];
const RESPONSE = 0x8180; // recursion desired and available
const [SERVFAIL, NXDOMAIN] = [2, 3];
const SECONDS = 60;

/** The answer to a query that there is no such name. */
export function noSuchName(query: Buffer): Buffer {
  return withStatus(query, NXDOMAIN);
}

/** The answer to a query that the server asked could not find it out. */
export function failure(query: Buffer): Buffer {
  return withStatus(query, SERVFAIL);
}

function withStatus(query: Buffer, status: number): Buffer {
  const answer = Buffer.from(query);
  answer.writeUInt16BE(RESPONSE | status, FLAGS);
  return answer;
}

/** The answer to a query: this IPv4 address, and nothing to who asks for something else of that name. */
export function addressOf(query: Buffer, address: string): Buffer {
  const end = query.indexOf(0, HEADER) + 1;
  const answer = Buffer.from(query);
  answer.writeUInt16BE(RESPONSE, FLAGS);
  const isForAddress = query.readUInt16BE(end) === A && query.readUInt16BE(end + 2) === IN;
  if (!isForAddress) return answer;
  answer.writeUInt16BE(1, ANSWERS);
  const record = Buffer.from([0xc0, HEADER, 0, A, 0, IN, 0, 0, 0, SECONDS, 0, 4, ...octets(address)]);
  // Before what else a query may carry, such as the client's abilities.
  return Buffer.concat([answer.subarray(0, end + ASKED), record, answer.subarray(end + ASKED)]);
}

function octets(address: string): number[] {
  return address.split('.').map(Number);
}
