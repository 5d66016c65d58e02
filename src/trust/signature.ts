import {
  config,
  enums,
  PacketList,
  type PublicKey,
  readSignature,
  type SecretKeyPacket,
  type SecretSubkeyPacket,
  SignaturePacket,
  type Subkey,
} from 'openpgp';
import type { RunningDigest } from '../bundle/digest.ts';

export type IssuerPacket = (PublicKey | Subkey)['keyPacket'];

/** The digests that RunningDigest keeps; gpg signs with one of these two unless it is told otherwise. */
const HASHES: ReadonlyMap<number | null, keyof RunningDigest> = new Map([
  [enums.hash.sha256, 'sha256'],
  [enums.hash.sha512, 'sha512'],
]);

/**
 * A version 4 signature over data of which only the running digest is at hand: openpgp.js would read the
 * data itself and keep all of it in memory. `toHash` and `hash` are no documented part of openpgp.js, so
 * its version is pinned and the tests let gpg judge what comes out.
 */
class DigestSignature extends SignaturePacket {
  readonly #running: RunningDigest;

  constructor(running: RunningDigest) {
    super();
    this.#running = running;
  }

  /** A stream keeps the RSA and ECDSA code from hashing it anew. */
  toHash(): ReadableStream<Uint8Array> {
    return new ReadableStream({ start: controller => controller.close() });
  }

  /** RFC 9580, 5.2.4: the data, the signature's own fields, then their length after 0x04 0xff. */
  async hash(): Promise<Uint8Array> {
    const name = HASHES.get(this.hashAlgorithm);
    if (name === undefined || this.version !== 4 || this.signatureData === null) {
      throw new Error('only version 4 signatures with SHA-256 or SHA-512 are known');
    }
    const trailer = Buffer.from([4, 0xff, 0, 0, 0, 0]);
    trailer.writeUInt32BE(this.signatureData.length, 2);
    return this.#running[name].copy().update(this.signatureData).update(trailer).digest();
  }
}

/** The types of openpgp.js leave out that `sign` needs its configuration. */
interface Signer {
  sign(key: object, data: object, date: Date, detached: boolean, settings: object): Promise<void>;
}

/** A binary detached signature with SHA-512, made from a digest at the cost of the digest. */
export async function signDigest(
  key: SecretKeyPacket | SecretSubkeyPacket,
  running: RunningDigest,
  date: Date,
): Promise<Buffer> {
  const packet = new DigestSignature(running);
  packet.signatureType = enums.signature.binary;
  packet.publicKeyAlgorithm = key.algorithm;
  packet.hashAlgorithm = enums.hash.sha512;
  await (packet as unknown as Signer).sign(key, {}, date, true, config);
  return Buffer.from(listOf(packet).write());
}

function listOf(packet: SignaturePacket): PacketList<SignaturePacket> & { write(): Uint8Array } {
  const list = new PacketList<SignaturePacket>();
  list.push(packet);
  return list;
}

/** `-----BEGIN PGP SIGNATURE-----`, as the .asc files have it. */
export async function armorSignature(binarySignature: Uint8Array): Promise<string> {
  return (await readSignature({ binarySignature })).armor();
}

/** The packets of a signature file, armored as text or binary. @throws Error when it is none */
export async function readPackets(signature: string | Uint8Array): Promise<readonly SignaturePacket[]> {
  const read =
    typeof signature === 'string'
      ? await readSignature({ armoredSignature: signature })
      : await readSignature({ binarySignature: signature });
  return read.packets;
}

/**
 * Whether a packet is a signature over the digested data by exactly this key; says nothing about the key.
 * @throws Error with the reason when it is not
 */
export async function verifyPacket(
  packet: SignaturePacket,
  key: IssuerPacket,
  running: RunningDigest,
  now: Date,
): Promise<void> {
  if (packet.signatureType !== enums.signature.binary) throw new Error('it is no signature over a file');
  const verified = new DigestSignature(running);
  verified.read(packet.write());
  await verified.verify(key, enums.signature.binary, {}, now, true);
}

/** The primary key and subkeys of a key by whose hand the packet says it is. */
export function issuers(packet: SignaturePacket, key: PublicKey): IssuerPacket[] {
  return key.getKeys(packet.issuerKeyID).map(each => each.keyPacket);
}
