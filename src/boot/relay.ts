/* Frames of IPv4 that the gate makes of others: how services that nobody runs come to stand in a guest's network. */

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const ETHERNET = 14;
const IPV4 = 0x0800;
const TCP = 6;
const UDP_HEADER = 8;

interface Segment {
  /** Where TCP begins in the frame, and where the packet ends. */
  readonly start: number;
  readonly end: number;
}

/** Whether a frame is a whole segment of TCP to (or from) an endpoint. */
export function isSegment(frame: Buffer, side: 'to' | 'from', endpoint: Endpoint): boolean {
  const found = segmentIn(frame);
  if (found === undefined) return false;
  const at = fieldsOf(found, side);
  const address = [...frame.subarray(at.address, at.address + 4)].join('.');
  return address === endpoint.address && frame.readUInt16BE(at.port) === endpoint.port;
}

/** The frame with another destination (or source), and the checksums that belong to it. */
export function readdressed(frame: Buffer, side: 'to' | 'from', endpoint: Endpoint): Buffer {
  const changed = Buffer.from(frame);
  const found = segmentIn(changed);
  if (found === undefined) return changed;
  const at = fieldsOf(found, side);
  Buffer.from(endpoint.address.split('.').map(Number)).copy(changed, at.address);
  changed.writeUInt16BE(endpoint.port, at.port);
  const header = changed.subarray(ETHERNET, found.start);
  header.writeUInt16BE(0, 10);
  header.writeUInt16BE(checksum(header), 10);
  const segment = changed.subarray(found.start, found.end);
  segment.writeUInt16BE(0, 16);
  segment.writeUInt16BE(checksum(pseudoHeader(header, segment.length), segment), 16);
  return changed;
}

/** The frame that answers a frame of IPv4 and UDP: from whom that went to, with another payload. */
export function udpReply(question: Buffer, payload: Buffer): Buffer {
  const udp = ETHERNET + (question.readUInt8(ETHERNET) & 0x0f) * 4;
  const answer = Buffer.concat([question.subarray(0, udp + UDP_HEADER), payload]);
  exchange(answer, 0, 6, 6);
  exchange(answer, ETHERNET + 12, ETHERNET + 16, 4);
  exchange(answer, udp, udp + 2, 2);
  answer.writeUInt16BE(answer.length - ETHERNET, ETHERNET + 2);
  const header = answer.subarray(ETHERNET, udp);
  header.writeUInt16BE(0, 10);
  header.writeUInt16BE(checksum(header), 10);
  answer.writeUInt16BE(answer.length - udp, udp + 4);
  // UDP's checksum may be left out.
  answer.writeUInt16BE(0, udp + 6);
  return answer;
}

function exchange(buffer: Buffer, one: number, other: number, length: number): void {
  const kept = Buffer.from(buffer.subarray(one, one + length));
  buffer.copyWithin(one, other, other + length);
  kept.copy(buffer, other);
}

function segmentIn(frame: Buffer): Segment | undefined {
  if (frame.length < ETHERNET + 20 || frame.readUInt16BE(12) !== IPV4) return undefined;
  const start = ETHERNET + (frame.readUInt8(ETHERNET) & 0x0f) * 4;
  const end = ETHERNET + frame.readUInt16BE(ETHERNET + 2);
  const fragment = frame.readUInt16BE(ETHERNET + 6) & 0x3fff;
  const whole = fragment === 0 && start >= ETHERNET + 20 && start + 20 <= end && end <= frame.length;
  return whole && frame.readUInt8(ETHERNET + 9) === TCP ? { start, end } : undefined;
}

function fieldsOf({ start }: Segment, side: 'to' | 'from') {
  return side === 'to'
    ? { address: ETHERNET + 16, port: start + 2 }
    : { address: ETHERNET + 12, port: start };
}

function pseudoHeader(header: Buffer, length: number): Buffer {
  const end = Buffer.from([0, TCP, length >> 8, length & 0xff]);
  return Buffer.concat([header.subarray(12, 20), end]);
}

/** The Internet checksum of these bytes, the fields for it being zero. */
function checksum(...parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) {
      sum += at + 1 < part.length ? part.readUInt16BE(at) : part.readUInt8(at) << 8;
    }
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
