import type { Duplex } from 'node:stream';
import { addressOf, askedName, failure, isUnder, noSuchName } from './dns.ts';
import { WELL_KNOWN } from './metadata/server.ts';
import { asksForTime, isTimeServer, timeAnswer } from './ntp.ts';
import { type Datagram, datagram, isArp, isIPv4, TCP_ACK } from './packets.ts';
import { type Endpoint, isSegment, readdressed, udpReply } from './relay.ts';

/** Nobody can resolve names under it, so that a guest asks every resolver it knows. */
export const UNRESOLVED = 'unresolved.example.net';

const DHCP_SERVER = 67;
const SSH = 22;
const MOST_QUERIES = 10_000;
const MOST_FRAME = 70_000;

export interface Query {
  readonly name: string;
  readonly destination: string;
}

/** Our ends of QEMU's network filters: frames with their length, four bytes, in front. */
export interface GateStreams {
  /** What the guest sends. */
  readonly fromGuest: Duplex;
  /** What may go on to the virtual network. */
  readonly toNetwork: Duplex;
  /** What is put into the guest's network card. */
  readonly toGuest: Duplex;
  /** What the virtual network sends; without it, that goes to the guest unseen. */
  readonly fromNetwork?: Duplex | undefined;
}

/** The virtual network, as far as the gate has to know it. */
export interface GateNetwork {
  readonly host: string;
  readonly resolver: string;
  /** Port of this host that answers at the well-known address of metadata; absent: nobody does. */
  readonly metadataPort?: number | undefined;
}

/**
 * Stands between a guest and QEMU's user network, which by itself either hands out no resolver at all or
 * leads to the host and to all that the host can reach. Lets DHCP, ARP and the guest's answers over ssh
 * through, writes every DNS query down, answers who asks for the time, and drops the rest.
 */
export class NetworkGate {
  readonly #queries: Query[] = [];
  readonly #streams: GateStreams;
  readonly #network: GateNetwork;
  /** QEMU's network leads connections to its own address to this host's loopback. */
  readonly #metadata: Endpoint | undefined;
  readonly #now: () => Date;
  #timesTold = 0;
  /** Ports of the host that the guest may connect to. */
  readonly #open = new Set<number>();

  /** @param now the time that the guest's network has */
  constructor(streams: GateStreams, network: GateNetwork, now: () => Date) {
    this.#streams = streams;
    this.#network = network;
    this.#now = now;
    const { host, metadataPort } = network;
    this.#metadata = metadataPort === undefined ? undefined : { address: host, port: metadataPort };
    streams.fromNetwork?.on(
      'data',
      frameReader(frame => this.#deliver(frame)),
    );
    const read = frameReader(frame => this.#judge(frame));
    streams.fromGuest.on('data', read);
    // When QEMU ends, so do they; its exit tells the story.
    for (const stream of Object.values(streams)) stream?.on('error', () => {});
  }

  /** Where queries for a name, or for names under it, went: in the order of the first one, each once. */
  destinations(name: string): string[] {
    const found = this.#queries.filter(query => isUnder(query.name, name));
    return [...new Set(found.map(query => query.destination))];
  }

  /** How often the guest asked a server for the time. */
  timesTold(): number {
    return this.#timesTold;
  }

  /** Lets the guest connect to a port of this host's loopback, at the address told, until it is shut. */
  open(port: number): { readonly address: string; shut(): void } {
    this.#open.add(port);
    return { address: this.#network.host, shut: () => void this.#open.delete(port) };
  }

  #judge(frame: Buffer): void {
    const found = datagram(frame);
    const name = found === undefined ? undefined : askedName(found);
    if (found !== undefined && name !== undefined) this.#note(frame, found, name);
    else if (found !== undefined && isIPv4(frame) && asksForTime(found)) this.#tellTime(frame, found);
    else if (this.#metadata !== undefined && isSegment(frame, 'to', WELL_KNOWN)) {
      send(this.#streams.toNetwork, readdressed(frame, 'to', this.#metadata));
    } else if (mayPass(frame, found, this.#network.host, this.#open)) send(this.#streams.toNetwork, frame);
  }

  #deliver(frame: Buffer): void {
    const fromMetadata = this.#metadata !== undefined && isSegment(frame, 'from', this.#metadata);
    send(this.#streams.toGuest, fromMetadata ? readdressed(frame, 'from', WELL_KNOWN) : frame);
  }

  #note(frame: Buffer, { protocol, destination, payload }: Datagram, name: string): void {
    if (this.#queries.length < MOST_QUERIES) this.#queries.push({ name, destination });
    // A name that is left open costs a guest seconds, wherever it looks one up: sudo, sshd.
    const answer = this.#answerTo(name, destination, payload);
    if (answer === undefined || protocol !== 'udp' || !isIPv4(frame)) return;
    send(this.#streams.toGuest, udpReply(frame, answer));
  }

  #answerTo(name: string, destination: string, query: Buffer): Buffer | undefined {
    // A resolver that says so is passed over at once; one that is silent, after five seconds.
    if (isUnder(name, UNRESOLVED)) return failure(query);
    if (destination !== this.#network.resolver) return undefined;
    return isTimeServer(name) ? addressOf(query, this.#network.host) : noSuchName(query);
  }

  #tellTime(frame: Buffer, { payload }: Datagram): void {
    this.#timesTold += 1;
    send(this.#streams.toGuest, udpReply(frame, timeAnswer(payload, this.#now())));
  }
}

function mayPass(
  frame: Buffer,
  found: Datagram | undefined,
  host: string,
  open: ReadonlySet<number>,
): boolean {
  if (isArp(frame)) return true;
  if (found === undefined) return false;
  if (found.protocol === 'udp') return found.destinationPort === DHCP_SERVER;
  if (found.destination === host && open.has(found.destinationPort)) return true;
  // A segment without ACK opens a connection, and a guest has none to open.
  const answers = (found.flags & TCP_ACK) !== 0;
  return found.sourcePort === SSH && found.destination === host && answers;
}

function send(stream: Duplex, frame: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  stream.write(Buffer.concat([length, frame]));
}

/** Turns chunks of a stream into frames; after a length that no frame has, nothing more is read. */
export function frameReader(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let broken = false;
  return chunk => {
    if (broken) return;
    rest = Buffer.concat([rest, chunk]);
    let offset = 0;
    while (offset + 4 <= rest.length) {
      const length = rest.readUInt32BE(offset);
      broken = length > MOST_FRAME;
      if (broken || offset + 4 + length > rest.length) break;
      onFrame(rest.subarray(offset + 4, offset + 4 + length));
      offset += 4 + length;
    }
    rest = Buffer.from(rest.subarray(offset));
  };
}
