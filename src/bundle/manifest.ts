import { join } from 'node:path';
import { z } from 'zod';
import { FILESYSTEMS } from '../definition/filesystems.ts';
import { FILE_FORMS, FORMS } from '../definition/forms.ts';
import { DISK_BUSES, NETWORK_CARDS } from '../definition/hardware.ts';
import { DefinitionError } from '../host/errors.ts';
import { exists, readText } from './files.ts';
import { parseJson } from './json.ts';
import { corePath, isSafePath, MANIFEST, SAFE_NAME } from './names.ts';
import { FORMAT_VERSION, type Manifest } from './types.ts';

const text = z.string().max(4096);
const name = z.string().regex(SAFE_NAME);
const count = z.int().nonnegative();
const texts = z.array(text).readonly();

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'not a SHA-256 in lower-case hex' });
export const sha512 = z.string().regex(/^[0-9a-f]{128}$/, { error: 'not a SHA-512 in lower-case hex' });
export const safePath = z.string().refine(isSafePath, { error: 'not a path inside a bundle' });
export const timestamp = z.iso.datetime();

const repository = z.strictObject({
  name,
  uri: text,
  suite: text,
  components: texts,
  key: text,
  fingerprint: text,
  pin: z.int().exactOptional(),
  image: z.enum(['keep', 'remove']),
  credentials: text.exactOptional(),
});

const allowed = z.strictObject({ reason: text, expires: text.exactOptional() });

const imageLine = z
  .strictObject({
    name,
    title: text,
    distribution: z.enum(['debian']),
    release: name,
    architecture: z.enum(['amd64']),
    variant: name.exactOptional(),
    owner: text.exactOptional(),
    elements: texts,
    packages: texts,
    documentation: z.enum(['none', 'all']).exactOptional(),
    environment: z.record(text, text).readonly(),
    disk: z.strictObject({
      layout: z.enum(['gpt-hybrid', 'gpt-bios', 'gpt-uefi', 'mbr', 'mbr-hybrid', 'filesystem']),
      filesystem: z.enum(FILESYSTEMS),
      partitions: z.strictObject({
        boot: count.exactOptional(),
        var: count.exactOptional(),
        home: count.exactOptional(),
        swap: count.exactOptional(),
      }),
      config: z.string().max(100_000).exactOptional(),
      compression: z.enum(['zstd', 'zlib']),
      reserve: count,
      journal: count,
    }),
    forms: z.array(z.enum(FORMS)).readonly(),
    mirror: z.strictObject({ build: text.exactOptional(), image: text.exactOptional() }),
    rebuild: z.strictObject({
      every: count.exactOptional(),
      when: z.array(z.enum(['security', 'packages', 'definition'])).readonly(),
      anyway: count.exactOptional(),
    }),
    user: z.strictObject({
      name: text,
      sudo: z.enum(['nopasswd', 'password', 'none']),
      sshKeys: texts,
      passwordHash: text.exactOptional(),
    }),
    hardening: z.strictObject({ except: z.record(text, text).readonly() }),
    repositories: z.array(repository).readonly(),
    verify: z.strictObject({
      ...{ checks: texts, boot: count, memory: count, cpus: count },
      quarantine: z.record(text, z.strictObject({ tracker: text, expires: text })).exactOptional(),
      allow: z.record(text, z.record(text, allowed)).exactOptional(),
      own: texts.exactOptional(),
      throughput: count.exactOptional(),
      qemu: z
        .strictObject({
          disk: z.enum(DISK_BUSES).exactOptional(),
          nic: z.enum(NETWORK_CARDS).exactOptional(),
        })
        .exactOptional(),
      nova: z
        .strictObject({
          ...{ cloud: text.exactOptional(), region: text.exactOptional(), flavor: text.exactOptional() },
          ...{ network: text.exactOptional(), floating: text.exactOptional(), zone: text.exactOptional() },
          servers: count.exactOptional(),
        })
        .exactOptional(),
    }),
  })
  .readonly();

const source = { name: text, path: text, location: text };
const sourceRepository = z.union([
  z.strictObject({ ...source, kind: z.literal('git'), commit: text }),
  z.strictObject({ ...source, kind: z.enum(['tar', 'file']), sha256 }),
]);

const manifest: z.ZodType<Manifest> = z
  .strictObject({
    formatVersion: z.literal(FORMAT_VERSION),
    image: name,
    version: name,
    builtAt: timestamp,
    epoch: count,
    line: imageLine,
    inputDigest: sha256,
    diskDigest: sha256,
    diskSize: count,
    files: z
      .array(z.strictObject({ path: safePath, size: count, sha256, sha512, form: z.enum(FILE_FORMS) }))
      .min(1)
      .readonly(),
    minimum: z.strictObject({ disk: count, memory: count }),
    builder: z.strictObject({ engine: text, run: text, host: text }),
    rootFilesystem: z.strictObject({ label: text, uuid: text, partition: count }),
    volumes: z
      .array(
        z.strictObject({
          ...{ name: text, partition: count, content: text, uuid: text },
          label: text.exactOptional(),
          mountPoint: text.exactOptional(),
        }),
      )
      .readonly(),
    elements: z.array(z.strictObject({ name: text, digest: text })).readonly(),
    tools: z.record(text, text).readonly(),
    packages: z.record(text, text).readonly(),
    toolsTree: text,
    sources: z.array(z.strictObject({ suite: text, inReleaseSha256: sha256 })).readonly(),
    sourceRepositories: z.array(sourceRepository).readonly().exactOptional(),
    timings: z.array(z.strictObject({ what: text, seconds: z.number().nonnegative() })).readonly(),
  })
  .readonly();

/**
 * Refuses a value of another format version, and says both; a value without a version is left to its schema.
 * @throws DefinitionError
 */
export function checkFormatVersion(value: unknown, what: string): void {
  if (typeof value !== 'object' || value === null || !('formatVersion' in value)) return;
  const { formatVersion } = value;
  if (formatVersion === FORMAT_VERSION || !Number.isSafeInteger(formatVersion)) return;
  throw new DefinitionError(
    `${what} has format version ${formatVersion}, and this image-factory reads version ${FORMAT_VERSION}`,
    { advice: 'use the release of image-factory that wrote it, or build anew' },
  );
}

/**
 * @param what names the value in messages
 * @throws DefinitionError for another format version, or with the first thing that is wrong
 */
export function checkManifest(value: unknown, what: string): Manifest {
  checkFormatVersion(value, what);
  return checkShape(manifest, value, what);
}

/** @throws DefinitionError that names the first wrong place of the value */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new DefinitionError(`${what} is malformed${place}: ${issue?.message ?? 'unknown reason'}`);
}

/**
 * `core/manifest.json`, checked against its closed schema. Nothing is said about who wrote it.
 * @throws DefinitionError when the folder is no bundle, of another format version or malformed
 */
export async function readManifest(bundle: string): Promise<Manifest> {
  return checkManifest(await readManifestJson(bundle), `core/${MANIFEST} of ${bundle}`);
}

/** Only refuses another format version; anything else about the manifest is for its signature to tell. */
export async function checkBundleFormat(bundle: string): Promise<void> {
  let value: unknown;
  try {
    value = await readManifestJson(bundle);
  } catch (error) {
    if (await isBundle(bundle)) return;
    throw error;
  }
  checkFormatVersion(value, `core/${MANIFEST} of ${bundle}`);
}

function isBundle(bundle: string): Promise<boolean> {
  return exists(join(corePath(bundle), MANIFEST));
}

async function readManifestJson(bundle: string): Promise<unknown> {
  if (!(await isBundle(bundle))) {
    throw new DefinitionError(`${bundle} is not a bundle: it has no core/${MANIFEST}`, {
      advice: 'name the folder that build made, OUTPUT/IMAGE/VERSION-ARCHITECTURE',
    });
  }
  return parseJson(await readText(join(corePath(bundle), MANIFEST)), `core/${MANIFEST} of ${bundle}`);
}
