import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type MeasuredCore, measureCore } from '../bundle/core.ts';
import { type RunningDigest, runningDigest } from '../bundle/digest.ts';
import { exists, readText, writeNew } from '../bundle/files.ts';
import {
  corePath,
  HASHDEEP,
  isDownload,
  isSeal,
  SHA256SUMS,
  SHA512SUMS,
  SIGNATURE,
} from '../bundle/names.ts';
import { formatHashdeep, formatSums } from '../bundle/sums.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { judgeSignature } from '../trust/judge.ts';
import type { Policy } from '../trust/policy.ts';
import { armorSignature } from '../trust/signature.ts';
import type { SigningKey } from '../trust/signing-key.ts';

export interface Sealed {
  readonly coreDigest: string;
  /** Paths of all signatures, relative to the core. */
  readonly signatures: readonly string[];
}

/** The lists that seal a core, as their files have them. */
export function sealTexts(core: Pick<MeasuredCore, 'files'>): Readonly<Record<string, string>> {
  return {
    [SHA512SUMS]: formatSums(core.files, 'sha512'),
    [HASHDEEP]: formatHashdeep(core.files),
    // Last, since its signature is what makes a core a sealed one.
    [SHA256SUMS]: formatSums(core.files, 'sha256'),
  };
}

/**
 * Seals a core: sums, hashdeep's list, and a detached signature over each file that a customer downloads.
 * Sealing the same bytes again with the same key changes nothing and completes what a dead run left.
 * @param policy in which the signing key has the release role
 * @param loadKey called when all digests are known, so that the secret is in memory only while it signs
 * @throws TrustError when it is sealed with other bytes or by another key
 */
export async function sealCore(
  context: Context,
  bundle: string,
  policyOf: (key: SigningKey) => Promise<Policy>,
  loadKey: () => Promise<SigningKey>,
): Promise<Sealed & { key: SigningKey }> {
  const core = corePath(bundle);
  await removeUnfinished(core);
  const measured = await measureCore(context, bundle);
  const texts = sealTexts(measured);
  for (const [name, text] of Object.entries(texts)) await writeOnce(core, name, text);
  const key = await loadKey();
  const policy = await policyOf(key);
  const work: [string, RunningDigest][] = [
    ...measured.files
      .filter(file => isDownload(file.path))
      .map(file => [file.path, file.running] as [string, RunningDigest]),
    ...Object.entries(texts).map(
      ([name, text]) => [name, runningDigest(Buffer.from(text))] as [string, RunningDigest],
    ),
  ];
  for (const [path, running] of work) await signOnce(context, { core, path, running, key, policy });
  return { key, coreDigest: measured.coreDigest, signatures: work.map(([path]) => `${path}${SIGNATURE}`) };
}

/** Half-written seals of a call that was killed. */
async function removeUnfinished(core: string): Promise<void> {
  for (const name of await readdir(core, { recursive: true }).catch(() => [])) {
    const [, folder = '', path] = /^(.*\/)?\.([^/]+)\.partial$/.exec(name) ?? [];
    if (path !== undefined && isSeal(path))
      await rm(join(core, `${folder}.${path}.partial`), { force: true });
  }
}

async function writeOnce(core: string, name: string, text: string): Promise<void> {
  const path = join(core, name);
  if (!(await exists(path))) return writeNew(path, text);
  if ((await readText(path)) === text) return undefined;
  throw new TrustError(`core/${name} was written for other bytes than the core has now`, {
    advice: 'a sealed core is never changed; build another version',
  });
}

async function signOnce(
  context: Context,
  {
    core,
    path,
    running,
    key,
    policy,
  }: { core: string; path: string; running: RunningDigest; key: SigningKey; policy: Policy },
): Promise<void> {
  const file = join(core, `${path}${SIGNATURE}`);
  if (!(await exists(file))) return writeNew(file, await armorSignature(await key.signDigest(running)));
  const judged = await judgeSignature(policy, 'release', running, await readText(file), context.now());
  if (judged.kind === 'good' && judged.fingerprint === key.fingerprint) return undefined;
  const why = judged.kind === 'good' ? `is signed by ${judged.fingerprint}` : judged.reason;
  throw new TrustError(`core/${path}${SIGNATURE} is there already and ${why}`, {
    advice: 'a signature is never replaced; build another version, or sign with the same key',
  });
}
