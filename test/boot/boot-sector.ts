/**
 * Guests of one sector, in real mode, by hand: they write to the first serial port and then do one thing. Each
 * boots in a second and shows a fault that no good image has.
 */
export type Ending = 'halt' | 'again' | 'power-off' | 'read';

const SECTOR = 512;
const ORIGIN = 0x7c00;

/** Waits for the port before each byte: what is written too soon is lost. */
function writeMessage(address: number): number[] {
  return [
    ...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], // ax = ds = 0, upwards
    ...[0xbe, address & 0xff, address >> 8], // si = message
    ...[0xac, 0x84, 0xc0, 0x74, 0x12, 0x88, 0xc4], // next byte into ah; 0 ends
    ...[0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb], // until the port is free
    ...[0xba, 0xf8, 0x03, 0x88, 0xe0, 0xee, 0xeb, 0xe9], // write it
  ];
}

const ENDINGS: Readonly<Record<Ending, (length: number) => number[]>> = {
  halt: () => [0xf4, 0xeb, 0xfd],
  again: length => [0xeb, 0x100 - length - 2],
  // By the firmware: its first disk's first sector to 0x8000, with each tick of the clock.
  read: () => [
    ...[0x31, 0xc0, 0x8e, 0xc0, 0xbb, 0x00, 0x80],
    ...[0xb8, 0x01, 0x02, 0xb9, 0x01, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13],
    ...[0xfb, 0xf4, 0xeb, 0x100 - 22],
  ],
  // The ACPI register in which SeaBIOS on a q35 has the sleep bits.
  'power-off': () => [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd],
};

/** @param message ASCII, at most some 450 characters */
export function bootSector(message: string, ending: Ending): Buffer {
  const length = writeMessage(0).length;
  const end = ENDINGS[ending](length);
  const code = [...writeMessage(ORIGIN + length + end.length), ...end];
  const sector = Buffer.alloc(SECTOR);
  Buffer.from(code).copy(sector);
  if (code.length + message.length > SECTOR - 3) throw new RangeError('the message is too long');
  sector.write(message, code.length, 'latin1');
  sector.writeUInt16BE(0x55aa, SECTOR - 2);
  return sector;
}
