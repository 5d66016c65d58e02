import { join } from 'node:path';
import { type MeasuredCore, measureCore } from '../bundle/core.ts';
import { type RunningDigest, runningDigest } from '../bundle/digest.ts';
import { assertOwnFolder, exists, listFiles, readBytes, readText } from '../bundle/files.ts';
import { checkBundleFormat } from '../bundle/manifest.ts';
import { corePath, isDownload, isSeal, MANIFEST, SHA256SUMS, SIGNATURE } from '../bundle/names.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { judgeSignature } from './judge.ts';
import type { Policy } from './policy.ts';

export interface VerifiedBundle extends MeasuredCore {
  /** Fingerprint of the key that sealed it. */
  readonly signedBy: string;
}

/**
 * Reads every byte of a core and holds it against its seal: the lists must be those of these bytes, every
 * file that a customer downloads must be signed, all by one key of the release role, and nothing else may be there.
 * @param sealTexts the lists that belong to a core, by name
 * @throws TrustError with the file and the reason
 */
export async function verifyBundle(
  context: Context,
  bundle: string,
  policy: Policy,
  sealTexts: (core: MeasuredCore) => Readonly<Record<string, string>>,
): Promise<VerifiedBundle> {
  const core = corePath(bundle);
  await checkBundleFormat(bundle);
  await assertOwnFolder(core);
  if (!(await exists(join(core, `${SHA256SUMS}${SIGNATURE}`)))) {
    throw new TrustError(`${bundle} is not signed`, { advice: 'sign it: image-factory sign BUNDLE' });
  }
  // Before it is parsed, and before gigabytes are read.
  const manifest = runningDigest(await readBytes(join(core, MANIFEST)));
  await assertSigned(context, core, policy, { path: MANIFEST, running: manifest });
  const measured = await measureCore(context, bundle);
  const texts = sealTexts(measured);
  for (const [name, text] of Object.entries(texts)) await compareList(core, name, text);
  const signed = [
    ...measured.files.filter(file => isDownload(file.path)).map(({ path, running }) => ({ path, running })),
    ...Object.entries(texts).map(([path, text]) => ({ path, running: runningDigest(Buffer.from(text)) })),
  ];
  await refuseStrangers(
    core,
    signed.map(each => each.path),
    Object.keys(texts),
  );
  const signers = new Set<string>();
  for (const file of signed) signers.add(await assertSigned(context, core, policy, file));
  const [signedBy, other] = [...signers];
  if (signedBy === undefined || other !== undefined)
    throw new TrustError(`${bundle} is signed by several keys`);
  return { ...measured, signedBy };
}

const ADVICE = {
  bad: 'the file or its signature was changed; copy the bundle again from where it was signed',
  foreign: 'have it signed by a key that the factory file names under signing.release',
  unknown: 'have it signed by a key that the factory file names under signing.release',
  lapsed: 'if the key lives longer than its copy in keys/ says, export it again; else build and sign anew',
};

/** @returns fingerprint of the release key that signed it */
async function assertSigned(
  context: Context,
  core: string,
  policy: Policy,
  { path, running }: { path: string; running: RunningDigest },
): Promise<string> {
  const signature = await readText(join(core, `${path}${SIGNATURE}`));
  const judged = await judgeSignature(policy, 'release', running, signature, context.now());
  if (judged.kind === 'good') return judged.fingerprint;
  throw new TrustError(`core/${path} ${judged.reason}`, { advice: ADVICE[judged.kind] });
}

async function compareList(core: string, name: string, text: string): Promise<void> {
  const there = await readText(join(core, name));
  if (there === text) return;
  const [left, right] = [there.split('\n'), text.split('\n')];
  const row = left.findIndex((line, index) => line !== right[index]);
  const file = / {2}(.*)$/.exec(left[row] ?? '')?.[1] ?? `line ${row + 1}`;
  throw new TrustError(`core/${name} does not match the files of the core, at ${file}`, {
    advice: ADVICE.bad,
  });
}

async function refuseStrangers(
  core: string,
  signed: readonly string[],
  lists: readonly string[],
): Promise<void> {
  const expected = new Set([...signed.map(path => `${path}${SIGNATURE}`), ...lists]);
  const stranger = (await listFiles(core)).find(path => isSeal(path) && !expected.has(path));
  if (stranger !== undefined) throw new TrustError(`core/${stranger} belongs to no file of the core`);
}
