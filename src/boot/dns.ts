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

const ETHERNET = 14;
const NO_SUCH_NAME = 0x8183; // response, recursion desired and available, NXDOMAIN

/**
 * The frame that answers a DNS query over IPv4 and UDP with "no such name": the query, sent back.
 * Exchanging source and destination leaves IP's checksum right; UDP's may be left out.
 */
export function noSuchName(query: Buffer): Buffer {
  const answer = Buffer.from(query);
  exchange(answer, 0, 6, 6);
  const ip = ETHERNET;
  exchange(answer, ip + 12, ip + 16, 4);
  const udp = ip + (answer.readUInt8(ip) & 0x0f) * 4;
  exchange(answer, udp, udp + 2, 2);
  answer.writeUInt16BE(0, udp + 6);
  answer.writeUInt16BE(NO_SUCH_NAME, udp + 10);
  return answer;
}

function exchange(buffer: Buffer, one: number, other: number, length: number): void {
  const kept = Buffer.from(buffer.subarray(one, one + length));
  buffer.copyWithin(one, other, other + length);
  kept.copy(buffer, other);
}
