import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packLayers } from '../../src/build/layers/parcel.ts';
import { ARCHIVE, LayerStore, RECORD } from '../../src/build/layers/store.ts';
import { runningDigest } from '../../src/bundle/digest.ts';
import { LAYER_LIST, parseLayerList, writeLayerList } from '../../src/bundle/layer-list.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { factoryWithLayers, takeSignedLayers } from '../../src/chain/shared-layers.ts';
import { signLayers } from '../../src/chain/sign-layers.ts';
import { TrustError } from '../../src/host/errors.ts';
import { armorSignature } from '../../src/trust/signature.ts';
import { loadSigningKey } from '../../src/trust/signing-key.ts';
import { inTemporary, recordingContext } from '../host/support.ts';
import { temporary } from '../promote/fixture.ts';
import { type Hand, makeHand } from '../trust/fixture.ts';
import { openGnupg } from '../trust/gnupg.ts';

const LONG_AGO = new Date(0);
const key = (letter: string) => letter.repeat(64);
const SIGNATURE = `${LAYER_LIST}.asc`;

const hands: Record<string, Hand> = {};
let work: string;
/** What a build has left, and a job has signed. */
let folder: string;

beforeAll(async () => {
  for (const name of ['layers', 'verify', 'release', 'stranger']) hands[name] = await makeHand(name);
});

beforeEach(async () => {
  work = await temporary();
  folder = join(work, 'shared');
  await mkdir(join(work, 'keys'));
  for (const [name, { signing }] of Object.entries(hands))
    await writeFile(join(work, 'keys', `${name}.asc`), signing.publicKey);
  await writeFactory('layers', 'verify', 'release');
  await leave('a', 'b');
});

afterEach(() => rm(work, { recursive: true, force: true }));

/** Each role is of the key of its name, as long as it is among these. */
async function writeFactory(...roles: readonly string[]): Promise<void> {
  const named = roles.map(role => `${role}: [${hands[role]?.signing.fingerprint}]`).join(', ');
  const text = `images: { debian: { releases: [12] } }\nsigning: { ${named} }\n`;
  await writeFile(join(work, 'factory.yaml'), text);
}

function host(name: string, env: Readonly<Record<string, string>> = {}) {
  return recordingContext({
    env: { XDG_CACHE_HOME: join(work, name), XDG_STATE_HOME: join(work, 'state'), ...env },
  });
}

async function keep(layers: string, letter: string, content: string): Promise<void> {
  const draft = join(layers, `.draft-${letter}`);
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, ARCHIVE), content);
  const told = { key: key(letter), place: 'bootstrap', bound: {}, lists: [], secrets: [] };
  await new LayerStore(host('here').context, layers).keep(draft, told);
}

async function leave(...letters: readonly string[]): Promise<void> {
  const cache = join(work, 'here/image-factory');
  for (const letter of letters) await keep(join(cache, 'layers'), letter, `archive ${letter}`);
  await packLayers(host('here').context, { cache, folder, since: LONG_AGO });
}

const sign = (hand = 'layers') =>
  signLayers(host('signer', { KEY: hands[hand]?.secret ?? '' }).context, {
    ...{ factory: join(work, 'factory.yaml'), folder, job: 'host:1', signingKey: 'env:KEY' },
  });

/** What a build of a release on another host takes over, and what it says. */
async function take(from = folder): Promise<{ taken: string[]; said: string }> {
  const { context, said } = host('there');
  const { factory } = await readDefinition(context, join(work, 'factory.yaml'));
  await takeSignedLayers(context, factory, from);
  const taken = (await readdir(join(work, 'there/image-factory/layers')).catch(() => [])).sort();
  await rm(join(work, 'there'), { recursive: true, force: true });
  return { taken, said: said.join('\n') };
}

const NONE = 'warn: no shared layer is taken over, and the build starts without: ';

describe('signed layers', () => {
  it('are taken over on another host', async () => {
    const { layers, fingerprint } = await sign();
    expect(layers.map(each => each.key)).toEqual([key('a'), key('b')]);
    expect(fingerprint).toBe(hands.layers?.signing.fingerprint);
    const { taken, said } = await take();
    expect(taken).toEqual([key('a'), key('b')]);
    expect(said).toBe(`info: 2 shared layers taken over, signed by ${fingerprint}`);
  });

  it('have a list that gpg finds well signed, with the digests that coreutils find', async () => {
    await sign();
    const gpg = await openGnupg();
    try {
      await gpg.run('--import', join(work, 'keys/layers.asc'));
      const { stderr } = await gpg.run('--verify', join(folder, SIGNATURE), join(folder, LAYER_LIST));
      expect(stderr).toMatch(/Good signature/);
    } finally {
      await gpg.close();
    }
    const { layers } = parseLayerList(await readFile(join(folder, LAYER_LIST), 'utf8'));
    const sums = layers.flatMap(layer => [
      `${layer.record}  ${layer.key}/${RECORD}`,
      `${layer.archive}  ${layer.key}/${ARCHIVE}`,
    ]);
    await writeFile(join(work, 'sums'), `${sums.join('\n')}\n`);
    const check = ['--strict', '-c', join(work, 'sums')];
    const { stdout } = await promisify(execFile)('sha256sum', check, { cwd: folder });
    expect(stdout.match(/: OK$/gm)).toHaveLength(4);
  });

  it('are those of the list, and no others that lie beside them', async () => {
    await sign();
    await slipIn('c');
    const { taken, said } = await take();
    expect(taken).toEqual([key('a'), key('b')]);
    expect(said).toContain('warn: a shared layer is left out: nobody has signed its bytes');
  });

  it('of which any byte is another are not taken over', async () => {
    await sign();
    const files = [LAYER_LIST, `${key('a')}/${ARCHIVE}`, `${key('a')}/${RECORD}`];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (file, at, bit) =>
          inTemporary(async copy => {
            await cp(folder, copy, { recursive: true });
            const bytes = await readFile(join(copy, file));
            const place = at % bytes.length;
            bytes[place] = (bytes[place] ?? 0) ^ bit;
            await writeFile(join(copy, file), bytes);
            const { taken, said } = await take(copy);
            expect(taken).toEqual(file === LAYER_LIST ? [] : [key('b')]);
            expect(said).toMatch(/^warn: /m);
          }),
      ),
      { numRuns: 60 },
    );
  });

  it('are not those whose record tells of another archive that fits it', async () => {
    await sign();
    await slipIn('a');
    expect((await take()).taken).toEqual([key('b')]);
  });
});

it('a layer is not taken over when its list is at odds with its record', async () => {
  await sign();
  const list = await readFile(join(folder, LAYER_LIST), 'utf8');
  await signOther(list.replace(/"archive": "[0-9a-f]{64}"/, `"archive": "${key('0')}"`));
  expect((await take()).taken).toEqual([key('b')]);
});

/** A whole layer of somebody else, in the folder after it was signed. */
async function slipIn(letter: string): Promise<void> {
  const layers = join(work, 'stranger');
  await keep(layers, letter, 'evil');
  await rm(join(folder, key(letter)), { recursive: true, force: true });
  await cp(join(layers, key(letter)), join(folder, key(letter)), { recursive: true });
}

describe('no layer is taken over, and one line says why,', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['without a list', () => rm(join(folder, LAYER_LIST)), /layers\.json is not there/],
    ['without a signature', () => rm(join(folder, SIGNATURE)), /layers\.json\.asc is not there/],
    [
      'with a signature that is none',
      () => writeFile(join(folder, SIGNATURE), 'good'),
      /is not one OpenPGP signature/,
    ],
    ['by a key without the role', () => forge('stranger'), /which has no layers role here/],
    ['by a key that releases', () => forge('release'), /which has no layers role here/],
    [
      'by a key that is not at hand',
      async () => {
        await forge('stranger');
        await rm(join(work, 'keys/stranger.asc'));
      },
      /is signed by an unknown key/,
    ],
    ['by the local test key', forgeLocally, /which has no layers role here/],
    [
      'when that key is not at hand any more',
      () => rm(join(work, 'keys/layers.asc')),
      /there is no public key for/,
    ],
    ['when what is signed is no list of layers', () => signOther('{"formatVersion":1}'), /malformed/],
    [
      'when what is signed serves another purpose',
      async () =>
        signOther((await readFile(join(folder, LAYER_LIST), 'utf8')).replace('layers that', 'what')),
      /malformed at purpose/,
    ],
    [
      'when what is signed is of a later format',
      () => signOther('{"formatVersion":2}'),
      /has format version 2/,
    ],
  ])('%s', async (_what, spoil, why) => {
    await sign();
    await spoil();
    const { taken, said } = await take();
    expect(taken).toEqual([]);
    expect(said.split('\n')).toHaveLength(1);
    expect(said.startsWith(NONE)).toBe(true);
    expect(said).toMatch(why);
  });

  it('when the key has expired since', async () => {
    const gpg = await openGnupg();
    try {
      const day = '20250101T000000';
      const fingerprint = await gpg.makeKey({ name: 'short', time: day, until: '1d' });
      await writeFile(join(work, 'keys/short.asc'), await gpg.exportPublic(fingerprint));
      await writeFile(
        join(work, 'factory.yaml'),
        `images: { debian: { releases: [12] } }\nsigning: { layers: [${fingerprint}] }\n`,
      );
      await writeFile(join(folder, LAYER_LIST), writeLayerList(listOf()));
      const out = ['--armor', '--output', join(folder, SIGNATURE)];
      await gpg.at(day, ...out, '--detach-sign', join(folder, LAYER_LIST));
    } finally {
      await gpg.close();
    }
    const { taken, said } = await take();
    expect(taken).toEqual([]);
    expect(said).toMatch(/a key that is not valid/);
  });

  it('when the factory file lets nobody sign layers, which is what it does unless told', async () => {
    await sign();
    await writeFactory('verify', 'release');
    const { context, said } = host('there');
    expect(await factoryWithLayers(context, join(work, 'factory.yaml'))).toBeUndefined();
    expect(said.join()).toMatch(/no shared layers are used: .* lets nobody sign them/);
    expect((await take()).taken).toEqual([]);
  });
});

const listOf = () => ({ signedAt: '2026-11-21T00:00:00Z', job: 'host:1', layers: [] });

/** The list stays, and somebody else signs it. */
async function forge(name: string): Promise<void> {
  await signAs(hands[name]?.signing, await readFile(join(folder, LAYER_LIST), 'utf8'));
}

async function forgeLocally(): Promise<void> {
  const local = await loadSigningKey({}, host('there').context, join(work, 'state/image-factory'));
  await writeFile(join(work, 'keys/local.asc'), local.publicKey);
  await signAs(local, await readFile(join(folder, LAYER_LIST), 'utf8'));
}

const signOther = (text: string) => signAs(hands.layers?.signing, text);

async function signAs(signing: Hand['signing'] | undefined, text: string): Promise<void> {
  const signature = await signing?.signDigest(runningDigest(Buffer.from(text)));
  await writeFile(join(folder, LAYER_LIST), text);
  await writeFile(join(folder, SIGNATURE), await armorSignature(signature ?? Buffer.alloc(0)));
}

describe('layers are not signed', () => {
  const refused = async (hand?: string) => {
    const error = await sign(hand).catch(each => each);
    expect(error).toBeInstanceOf(TrustError);
    expect(await readdir(folder)).not.toContain(LAYER_LIST);
    return error.line as string;
  };

  it.each(['release', 'stranger'])('by the %s key', async hand => {
    expect(await refused(hand)).toMatch(/has no layers role in .*: name it under signing\.layers/);
  });

  it('by the local test key, even where nobody verifies or releases', async () => {
    await writeFactory('layers');
    const { context } = host('signer');
    const request = { factory: join(work, 'factory.yaml'), folder, job: 'host:1' };
    await expect(signLayers(context, request)).rejects.toThrow('there is no signing key');
  });

  it('when one of them is damaged, and what was signed before counts no more', async () => {
    await sign();
    await writeFile(join(folder, key('b'), ARCHIVE), 'archive c');
    expect(await refused()).toContain(`a layer in ${folder} is damaged`);
  });

  it('when there are none: nobody asks for a key then', async () => {
    await rm(folder, { recursive: true });
    expect(await sign('stranger')).toEqual({ layers: [] });
  });
});
