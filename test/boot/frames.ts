/** Frames as a guest sends them, for tests. */
export interface FrameParts {
  readonly protocol: 'udp' | 'tcp';
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly flags?: number;
  readonly payload?: Buffer;
}

const GUEST = Buffer.from([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
const ROUTER = Buffer.from([0x52, 0x55, 10, 70, 83, 2]);

export function frame(parts: FrameParts): Buffer {
  const segment = parts.protocol === 'udp' ? udp(parts) : tcp(parts);
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(20 + segment.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(parts.protocol === 'udp' ? 17 : 6, 9);
  Buffer.from(parts.source.split('.').map(Number)).copy(ip, 12);
  Buffer.from(parts.destination.split('.').map(Number)).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const bytes = Buffer.concat([ethernet(0x0800), ip, segment]);
  return bytes.length < 60 ? Buffer.concat([bytes, Buffer.alloc(60 - bytes.length, 0xee)]) : bytes;
}

export function arpFrame(): Buffer {
  return Buffer.concat([ethernet(0x0806), Buffer.alloc(28)]);
}

export function ipv6Frame(destination: readonly number[], port: number, payload: Buffer): Buffer {
  const segment = udp({ sourcePort: 40000, destinationPort: port, payload });
  const ip = Buffer.alloc(40);
  ip.writeUInt8(0x60, 0);
  ip.writeUInt16BE(segment.length, 4);
  ip.writeUInt8(17, 6);
  for (const [index, group] of destination.entries()) ip.writeUInt16BE(group, 24 + 2 * index);
  return Buffer.concat([ethernet(0x86dd), ip, segment]);
}

export function dnsQuery(name: string, id = 7): Buffer {
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name
    .split('.')
    .map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

/** A frame as QEMU's filters hand it over: its length in front. */
export function lengthed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The Internet checksum; 0 over a header that holds its own. */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function ethernet(type: number): Buffer {
  return Buffer.concat([ROUTER, GUEST, Buffer.from([type >> 8, type & 0xff])]);
}

function udp(parts: Pick<FrameParts, 'sourcePort' | 'destinationPort' | 'payload'>): Buffer {
  const { payload = Buffer.alloc(0) } = parts;
  const header = Buffer.alloc(8);
  header.writeUInt16BE(parts.sourcePort, 0);
  header.writeUInt16BE(parts.destinationPort, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  header.writeUInt16BE(0xbeef, 6);
  return Buffer.concat([header, payload]);
}

function tcp(parts: FrameParts): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(parts.sourcePort, 0);
  header.writeUInt16BE(parts.destinationPort, 2);
  header.writeUInt8(0x50, 12);
  header.writeUInt8(parts.flags ?? 0, 13);
  return Buffer.concat([header, parts.payload ?? Buffer.alloc(0)]);
}
