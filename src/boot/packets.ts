/** What is read of an Ethernet frame: enough of IP, UDP and TCP to see who was asked what. */
export interface Datagram {
  readonly protocol: 'udp' | 'tcp';
  /** Address as text: `10.0.2.3`, or eight groups in hex for IPv6. */
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** TCP only: the control bits; 0 for UDP. */
  readonly flags: number;
  readonly payload: Buffer;
}

export const TCP_ACK = 0x10;

const ETHERNET = 14;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const ARP = 0x0806;

export function isArp(frame: Buffer): boolean {
  return frame.length >= ETHERNET && frame.readUInt16BE(12) === ARP;
}

export function isIPv4(frame: Buffer): boolean {
  return frame.length >= ETHERNET && frame.readUInt16BE(12) === IPV4;
}

/** The UDP or TCP part of a frame; undefined for anything else, later fragments, and what is malformed. */
export function datagram(frame: Buffer): Datagram | undefined {
  if (frame.length < ETHERNET) return undefined;
  const type = frame.readUInt16BE(12);
  const packet = frame.subarray(ETHERNET);
  if (type === IPV4) return fromIPv4(packet);
  if (type === IPV6) return fromIPv6(packet);
  return undefined;
}

function fromIPv4(packet: Buffer): Datagram | undefined {
  if (packet.length < 20) return undefined;
  const headerLength = (packet.readUInt8(0) & 0x0f) * 4;
  const totalLength = packet.readUInt16BE(2);
  const fragmentOffset = packet.readUInt16BE(6) & 0x1fff;
  if (headerLength < 20 || totalLength < headerLength || fragmentOffset !== 0) return undefined;
  const destination = [...packet.subarray(16, 20)].join('.');
  // Short frames are padded: the packet ends where IP says.
  return transport(packet.readUInt8(9), destination, packet.subarray(headerLength, totalLength));
}

function fromIPv6(packet: Buffer): Datagram | undefined {
  if (packet.length < 40) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => packet.readUInt16BE(24 + 2 * index).toString(16));
  return transport(packet.readUInt8(6), groups.join(':'), packet.subarray(40, 40 + packet.readUInt16BE(4)));
}

const TCP = 6;
const UDP = 17;

function transport(protocol: number, destination: string, segment: Buffer): Datagram | undefined {
  const ports = () => ({
    sourcePort: segment.readUInt16BE(0),
    destinationPort: segment.readUInt16BE(2),
  });
  if (protocol === UDP && segment.length >= 8) {
    return { protocol: 'udp', destination, ...ports(), flags: 0, payload: segment.subarray(8) };
  }
  if (protocol === TCP && segment.length >= 20) {
    const payload = segment.subarray((segment.readUInt8(12) >> 4) * 4);
    return { protocol: 'tcp', destination, ...ports(), flags: segment.readUInt8(13), payload };
  }
  return undefined;
}
