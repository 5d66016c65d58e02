import { runningDigest, sha256Hex } from '../bundle/digest.ts';
import { formatEnvelope, IN_TOTO_PAYLOAD, preAuthenticationEncoding } from '../bundle/dsse.ts';
import { STATEMENT, writeStatement } from '../bundle/statements.ts';
import type { Manifest } from '../bundle/types.ts';
import { type VerdictStatement, verdictStatement } from '../bundle/verdict.ts';
import type { SigningKey } from '../trust/signing-key.ts';
import type { Report } from '../verify/types.ts';

export interface VerdictRequest {
  readonly bundle: string;
  readonly manifest: Manifest;
  readonly report: Report;
  /** Reports that stand beside the statement, by name: report.json, junit.xml, console.log, screen.png. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly key: SigningKey;
}

/** Writes a signed verdict into the bundle. @returns path of its folder */
export async function writeVerdict(request: VerdictRequest): Promise<string> {
  const { bundle, manifest, report, files, key } = request;
  const digests = Object.entries(files).map(([name, content]) => ({ name, sha256: sha256Hex(content) }));
  const envelope = await signStatement(verdictStatement(manifest, report, digests), key);
  return writeStatement(bundle, 'verdict', report.place, report.run, { ...files, [STATEMENT]: envelope });
}

/** An in-toto statement in a DSSE envelope, as its file has it. */
export async function signStatement(statement: VerdictStatement, key: SigningKey): Promise<string> {
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = await key.signDigest(runningDigest(preAuthenticationEncoding(IN_TOTO_PAYLOAD, payload)));
  return formatEnvelope({
    payloadType: IN_TOTO_PAYLOAD,
    payload,
    signatures: [{ keyid: key.fingerprint, sig }],
  });
}
