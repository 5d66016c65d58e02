import type { Datagram } from './packets.ts';

/** Where a time server listens. */
const NTP_PORT = 123;
const SIZE = 48;
const [CLIENT, SERVER] = [3, 4];
const TRANSMITTED = 40;
/** Seconds between the epochs of NTP, 1900, and of Unix, 1970. */
const EPOCH = 2_208_988_800;

/** Whether a name is one by which guests look for the time: `0.debian.pool.ntp.org`, `time.example.net`. */
export function isTimeServer(name: string): boolean {
  return /(?:^|\.)(?:[^.]*ntp[^.]*|time\d*)\./.test(name);
}

/** Whether a datagram asks a server for the time (RFC 5905). */
export function asksForTime({ protocol, destinationPort, payload }: Datagram): boolean {
  if (protocol !== 'udp' || destinationPort !== NTP_PORT || payload.length < SIZE) return false;
  return (payload.readUInt8(0) & 0x07) === CLIENT;
}

/** What a server of the second stratum answers that has its time from this host. */
export function timeAnswer(question: Buffer, now: Date): Buffer {
  const version = question.readUInt8(0) & 0x38;
  const answer = Buffer.alloc(SIZE);
  // Stratum 2, asked at least every 64 s, a precision of a microsecond.
  answer.set([version | SERVER, 2, 6, 0xec]);
  // Root delay and dispersion of a millisecond or so, from a server that has an address.
  answer.set([0, 0, 0, 0x40, 0, 0, 0, 0x40, 192, 0, 2, 1], 4);
  const time = timestamp(now);
  for (const at of [16, 32, TRANSMITTED]) time.copy(answer, at);
  question.copy(answer, 24, TRANSMITTED, TRANSMITTED + time.length);
  return answer;
}

/** Seconds since 1900 and their fraction, 32 bits each. */
function timestamp(now: Date): Buffer {
  const milliseconds = now.getTime();
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE((Math.floor(milliseconds / 1000) + EPOCH) % 2 ** 32, 0);
  bytes.writeUInt32BE(Math.floor(((milliseconds % 1000) / 1000) * 2 ** 32), 4);
  return bytes;
}
