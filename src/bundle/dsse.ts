import { z } from 'zod';
import { DefinitionError } from '../host/errors.ts';
import { parseJson } from './json.ts';
import { checkShape } from './manifest.ts';

/** The payload type of an in-toto statement in a DSSE envelope. */
export const IN_TOTO_PAYLOAD = 'application/vnd.in-toto+json';

/** A Dead Simple Signing Envelope, https://github.com/secure-systems-lab/dsse, protocol version 1. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly {
    /** Fingerprint of the signing key's primary key; a hint only. */
    readonly keyid: string;
    /** A binary detached OpenPGP signature over the pre-authentication encoding. */
    readonly sig: Buffer;
  }[];
}

/** What is signed: type and payload with their lengths, so that neither can be taken for a part of the other. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

// The specification lets a writer choose between the standard and the URL-safe alphabet.
const base64 = z.string().regex(/^(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}$/, { error: 'not base64' });

const envelope = z.strictObject({
  payloadType: z.string(),
  payload: base64,
  signatures: z
    .array(z.strictObject({ keyid: z.string().default(''), sig: base64 }))
    .min(1, { error: 'no signature' })
    .max(8, { error: 'too many signatures' }),
});

/**
 * Reads an envelope; whether a signature in it is good is another question.
 * @param what names it in messages
 * @throws DefinitionError
 */
export function parseEnvelope(text: string, what: string): Envelope {
  const read = checkShape<z.infer<typeof envelope>>(envelope, parseJson(text, what), what);
  if (read.payloadType !== IN_TOTO_PAYLOAD) {
    throw new DefinitionError(`${what} has the payload type ${JSON.stringify(read.payloadType)}`, {
      advice: `only ${IN_TOTO_PAYLOAD} is known`,
    });
  }
  return {
    payloadType: read.payloadType,
    payload: Buffer.from(read.payload, 'base64'),
    signatures: read.signatures.map(({ keyid, sig }) => ({ keyid, sig: Buffer.from(sig, 'base64') })),
  };
}

/** The envelope as its file has it, one line. */
export function formatEnvelope({ payloadType, payload, signatures }: Envelope): string {
  return `${JSON.stringify({
    payloadType,
    payload: payload.toString('base64'),
    signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: sig.toString('base64') })),
  })}\n`;
}
