import { Duplex, PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameReader, NetworkGate, UNRESOLVED } from '../../src/boot/gate.ts';
import { datagram } from '../../src/boot/packets.ts';
import { arpFrame, checksum, dnsQuery, type FrameParts, frame, ipv6Frame, lengthed } from './frames.ts';

const HOST = '10.70.83.2';
const RESOLVER = '10.70.83.53';
const GUEST = '10.70.83.100';
const [SYN, ACK] = [0x02, 0x10];
const now = () => new Date('2026-11-21T17:00:00.250Z');

/** A stream that keeps the frames written to it. */
function sink(): { stream: Duplex; frames: Buffer[] } {
  const frames: Buffer[] = [];
  const read = frameReader(each => frames.push(Buffer.from(each)));
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      read(chunk);
      done();
    },
  });
  return { stream, frames };
}

/** A gate behind which the metadata service stands at a port, and what it makes of frames of both directions. */
async function relayed(sent: readonly Buffer[], received: readonly Buffer[]) {
  const [fromGuest, fromNetwork] = [new PassThrough(), new PassThrough()];
  const [network, guest] = [sink(), sink()];
  const streams = { fromGuest, fromNetwork, toNetwork: network.stream, toGuest: guest.stream };
  new NetworkGate(streams, { host: HOST, resolver: RESOLVER, metadataPort: 40_123 }, now);
  for (const each of sent) fromGuest.write(lengthed(each));
  for (const each of received) fromNetwork.write(lengthed(each));
  await new Promise(resolve => setImmediate(resolve));
  return { passed: network.frames, delivered: guest.frames };
}

async function through(...frames: readonly Buffer[]) {
  const fromGuest = new PassThrough();
  const [network, guest] = [sink(), sink()];
  const streams = { fromGuest, toNetwork: network.stream, toGuest: guest.stream };
  const gate = new NetworkGate(streams, { host: HOST, resolver: RESOLVER }, now);
  for (const each of frames) fromGuest.write(lengthed(each));
  await new Promise(resolve => setImmediate(resolve));
  return { gate, passed: network.frames, answers: guest.frames };
}

const from = (parts: Partial<FrameParts>): Buffer =>
  frame({
    ...{ protocol: 'tcp', source: GUEST, destination: HOST, sourcePort: 22, destinationPort: 50_000 },
    ...parts,
  });
const ask = (name: string, destination = RESOLVER): Buffer =>
  from({ protocol: 'udp', destination, sourcePort: 4000, destinationPort: 53, payload: dnsQuery(name) });

describe('NetworkGate', () => {
  it('lets ARP, DHCP and answers over ssh through', async () => {
    const frames = [
      arpFrame(),
      from({ protocol: 'udp', destination: '255.255.255.255', sourcePort: 68, destinationPort: 67 }),
      from({ flags: SYN | ACK }),
      from({ flags: ACK, payload: Buffer.from('SSH-2.0-x') }),
    ];
    expect((await through(...frames)).passed).toEqual(frames);
  });

  it.each([
    ['a connection to the host from the port of ssh', from({ flags: SYN })],
    ['a connection to the host', from({ sourcePort: 4000, destinationPort: 80, flags: SYN })],
    ['an answer to the outside', from({ destination: '192.0.2.1', flags: ACK })],
    [
      'a packet to a metadata service',
      from({ destination: '169.254.169.254', sourcePort: 4000, flags: SYN }),
    ],
    ['UDP to anywhere', from({ protocol: 'udp', destination: HOST, destinationPort: 123 })],
    ['IPv6', ipv6Frame([0xfec0, 0, 0, 0, 0, 0, 0, 2], 123, Buffer.alloc(9))],
    ['a frame that is too short', Buffer.from([1, 2, 3])],
  ])('drops %s', async (_what, hostile) => {
    const { passed, answers } = await through(hostile);
    expect([...passed, ...answers]).toEqual([]);
  });

  it('writes down where each name was asked for, each place once', async () => {
    const stray = ipv6Frame([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 53, dnsQuery('x.a.example.net'));
    const { gate } = await through(
      ask('a.example.net'),
      ask('A.example.net'),
      ask('b.example.net', HOST),
      stray,
    );
    expect(gate.destinations('a.example.net')).toEqual([RESOLVER, '2001:db8:0:0:0:0:0:1']);
    expect(gate.destinations('b.example.net')).toEqual([HOST]);
    expect(gate.destinations('c.example.net')).toEqual([]);
  });

  it('answers for the resolver it hands out only', async () => {
    const { answers, passed } = await through(ask('a.example.net'), ask('a.example.net', '192.0.2.53'));
    expect(passed).toEqual([]);
    expect(answers).toHaveLength(1);
    expect(datagram(answers[0] ?? Buffer.alloc(0))).toMatchObject({ destination: GUEST, sourcePort: 53 });
  });

  it('answers for every resolver that it cannot find out a name that nobody can resolve', async () => {
    const name = `n1.${UNRESOLVED}`;
    const stray = ipv6Frame([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 53, dnsQuery(name));
    const { answers, passed } = await through(ask(name), ask(name, '192.0.2.53'), stray);
    expect(passed).toEqual([]);
    const status = (frame: Buffer) => (datagram(frame)?.payload.readUInt16BE(2) ?? 0) & 0x0f;
    expect(answers.map(status)).toEqual([2, 2]);
  });
});

it('leads to a port of the host for as long as it is open', async () => {
  const connect = from({ sourcePort: 4000, destinationPort: 5201, flags: SYN });
  const fromGuest = new PassThrough();
  const [network, guest] = [sink(), sink()];
  const streams = { fromGuest, toNetwork: network.stream, toGuest: guest.stream };
  const gate = new NetworkGate(streams, { host: HOST, resolver: RESOLVER }, now);
  const send = async (...frames: Buffer[]) => {
    for (const each of frames) fromGuest.write(lengthed(each));
    await new Promise(resolve => setImmediate(resolve));
    return network.frames.splice(0);
  };
  expect(await send(connect)).toEqual([]);
  const way = gate.open(5201);
  expect(way.address).toBe(HOST);
  const elsewhere = from({ destination: '192.0.2.1', sourcePort: 4000, destinationPort: 5201, flags: SYN });
  const other = from({ sourcePort: 4000, destinationPort: 5202, flags: SYN });
  expect(await send(connect, elsewhere, other)).toEqual([connect]);
  way.shut();
  expect(await send(connect)).toEqual([]);
});

describe('the time', () => {
  const question = (first = 0x23) => {
    const payload = Buffer.alloc(48, 0);
    payload.writeUInt8(first, 0);
    payload.write('whenisit', 40, 'latin1');
    return from({
      protocol: 'udp',
      destination: '192.0.2.9',
      sourcePort: 4000,
      destinationPort: 123,
      payload,
    });
  };

  it('is told by whichever server a guest asks', async () => {
    const { gate, passed, answers } = await through(question());
    const told = datagram(answers[0] ?? Buffer.alloc(0));
    expect(told).toMatchObject({ destination: GUEST, sourcePort: 123, destinationPort: 4000 });
    expect([...(answers[0]?.subarray(26, 30) ?? [])]).toEqual([192, 0, 2, 9]);
    // Version 4, a server, of the second stratum.
    expect([...(told?.payload.subarray(0, 2) ?? [])]).toEqual([0x24, 2]);
    expect(told?.payload.toString('latin1', 24, 32)).toBe('whenisit');
    const seconds = (told?.payload.readUInt32BE(40) ?? 0) - 2_208_988_800;
    expect([new Date(seconds * 1000).toISOString(), told?.payload.readUInt32BE(44)]).toEqual([
      '2026-11-21T17:00:00.000Z',
      2 ** 30,
    ]);
    expect([gate.timesTold(), passed]).toEqual([1, []]);
  });

  it('is told to nobody who does not ask', async () => {
    const { gate, answers } = await through(question(0x24));
    expect([gate.timesTold(), answers]).toEqual([0, []]);
  });

  it.each(['0.debian.pool.ntp.org', 'ntp.ubuntu.com', 'time1.example.net'])(
    'comes from a server that %s leads to',
    async name => {
      const { answers } = await through(ask(name));
      const found = datagram(answers[0] ?? Buffer.alloc(0));
      expect(found?.payload.readUInt16BE(2)).toBe(0x8180);
      expect([...(found?.payload.subarray(-4) ?? [])].join('.')).toBe(HOST);
      expect(checksum((answers[0] ?? Buffer.alloc(0)).subarray(14, 34))).toBe(0);
    },
  );
});

describe('frameReader', () => {
  it('gives the same frames however the stream is cut', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(each => lengthed(Buffer.from(each))));
        const seen: number[][] = [];
        const read = frameReader(each => seen.push([...each]));
        for (let offset = 0, turn = 0; offset < stream.length; turn += 1) {
          const size = cuts[turn % cuts.length] ?? 1;
          read(stream.subarray(offset, offset + size));
          offset += size;
        }
        expect(seen).toEqual(sent.map(each => [...each]));
      }),
    );
  });

  it('keeps nothing of a stream that is no stream of frames', () => {
    const seen: Buffer[] = [];
    const read = frameReader(each => seen.push(each));
    read(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    read(lengthed(Buffer.from('late')));
    expect(seen).toEqual([]);
  });
});

describe('a gate with a metadata service', () => {
  const asked = from({ sourcePort: 4000, destination: '169.254.169.254', destinationPort: 80, flags: SYN });
  const answer = from({
    source: HOST,
    sourcePort: 40_123,
    destination: GUEST,
    destinationPort: 4000,
    flags: ACK,
  });
  const ssh = from({ source: HOST, sourcePort: 50_000, destination: GUEST, destinationPort: 22, flags: SYN });

  it('leads the well-known address to it and back, and nothing else', async () => {
    const other = from({
      sourcePort: 4000,
      destination: '169.254.169.254',
      destinationPort: 443,
      flags: SYN,
    });
    const { passed, delivered } = await relayed([asked, other], [answer, ssh]);
    expect(passed.map(each => datagram(each))).toMatchObject([
      { destination: HOST, destinationPort: 40_123 },
    ]);
    expect(delivered.map(each => [...each.subarray(26, 30)].join('.'))).toEqual(['169.254.169.254', HOST]);
    expect(delivered[1]).toEqual(ssh);
  });

  it('is not there without one', async () => {
    expect((await through(asked)).passed).toEqual([]);
  });
});
