import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ARCHIVE, RECORD } from '../../src/build/layers/store.ts';
import { LAYER_LIST, writeLayerList } from '../../src/bundle/layer-list.ts';
import { factoryWithLayers } from '../../src/chain/shared-layers.ts';
import { loadSigningKey } from '../../src/trust/signing-key.ts';
import { layerKey as key } from '../build/layers/support.ts';
import { inTemporary } from '../host/support.ts';
import { openGnupg } from '../trust/gnupg.ts';
import { type Hands, LayersUnderWay, LIST_SIGNATURE } from './layers-under-way.ts';

const layers = LayersUnderWay.ofEachTest();

describe('signed layers', () => {
  beforeEach(() => layers.sign());

  it('are taken over on another host', async () => {
    const { taken, said } = await layers.take();
    expect(taken).toEqual([key('a'), key('b')]);
    expect(said).toBe(
      `info: 2 shared layers taken over, signed by ${layers.hands.layers.signing.fingerprint}`,
    );
  });

  it('are those of the list, and no others that lie beside them', async () => {
    await layers.slipIn('c');
    const { taken, said } = await layers.take();
    expect(taken).toEqual([key('a'), key('b')]);
    expect(said).toContain('warn: a shared layer is left out: nobody has signed its bytes');
  });

  it('are not those whose record tells of another archive that fits it', async () => {
    await layers.slipIn('a');
    expect((await layers.take()).taken).toEqual([key('b')]);
  });

  it('are not those whose record is at odds with the list', async () => {
    const list = await layers.list();
    const other = list.replace(/"archive": "[0-9a-f]{64}"/, `"archive": "${key('0')}"`);
    await layers.signText(other, layers.hands.layers.signing);
    expect((await layers.take()).taken).toEqual([key('b')]);
  });

  it('of which any byte is another are not taken over', async () => {
    const files = [LAYER_LIST, `${key('a')}/${ARCHIVE}`, `${key('a')}/${RECORD}`];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (file, at, bits) =>
          inTemporary(async copy => {
            await cp(layers.folder, copy, { recursive: true });
            const bytes = await readFile(join(copy, file));
            const place = at % bytes.length;
            bytes[place] = (bytes[place] ?? 0) ^ bits;
            await writeFile(join(copy, file), bytes);
            const { taken, said } = await layers.take(copy);
            expect(taken).toEqual(file === LAYER_LIST ? [] : [key('b')]);
            expect(said).toMatch(/^warn: /m);
          }),
      ),
      { numRuns: 60 },
    );
  });
});

const NONE = 'warn: no shared layer is taken over, and the build starts without: ';

const inFolder = (name: string) => join(layers.folder, name);
const signedBy = async (hand: keyof Hands) =>
  layers.signText(await layers.list(), layers.hands[hand].signing);
const signOther = (text: string) => layers.signText(text, layers.hands.layers.signing);

/** One by the local test key, whose public half somebody has put beside the others. */
async function signLocally(): Promise<void> {
  const local = await loadSigningKey({}, layers.host('there').context, join(layers.work, 'state'));
  await writeFile(join(layers.work, 'keys/local.asc'), local.publicKey);
  await layers.signText(await layers.list(), local);
}

describe('no layer is taken over, and one line says why,', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['without a list', () => rm(inFolder(LAYER_LIST)), /layers\.json is not there/],
    ['without a signature', () => rm(inFolder(LIST_SIGNATURE)), /layers\.json\.asc is not there/],
    [
      'with one that is none',
      () => writeFile(inFolder(LIST_SIGNATURE), 'good'),
      /is not one OpenPGP signature/,
    ],
    ['by a key without the role', () => signedBy('stranger'), /which has no layers role here/],
    ['by a key that releases', () => signedBy('release'), /which has no layers role here/],
    ['by the local test key', signLocally, /which has no layers role here/],
    [
      'by a key that is not at hand',
      () => signedBy('stranger').then(() => rm(join(layers.work, 'keys/stranger.asc'))),
      /is signed by an unknown key/,
    ],
    [
      'when the key is not at hand',
      () => rm(join(layers.work, 'keys/layers.asc')),
      /there is no public key for/,
    ],
    ['when it is no list of layers', () => signOther('{"formatVersion":1}'), /malformed/],
    [
      'when it serves another purpose',
      async () => signOther((await layers.list()).replace('layers that', 'what')),
      /malformed at purpose/,
    ],
    ['when it is of a later format', () => signOther('{"formatVersion":2}'), /has format version 2/],
  ])('%s', async (_what, spoil, why) => {
    await layers.sign();
    await spoil();
    const { taken, said } = await layers.take();
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
      await writeFile(join(layers.work, 'keys/short.asc'), await gpg.exportPublic(fingerprint));
      await layers.trust(fingerprint);
      const told = { signedAt: '2025-01-01T00:00:00Z', job: 'host:1', layers: [] };
      await writeFile(inFolder(LAYER_LIST), writeLayerList(told));
      await gpg.at(day, '--armor', '--detach-sign', inFolder(LAYER_LIST));
    } finally {
      await gpg.close();
    }
    const { taken, said } = await layers.take();
    expect(taken).toEqual([]);
    expect(said).toMatch(/a key that is not valid/);
  });

  it('when the factory file lets nobody sign layers, which is what it does unless told', async () => {
    await layers.sign();
    await layers.writeFactory('verify', 'release');
    const { context, said } = layers.host('there');
    expect(await factoryWithLayers(context, layers.factory)).toBeUndefined();
    expect(said.join()).toMatch(/no shared layers are used: .* lets nobody sign them/);
    expect((await layers.take()).taken).toEqual([]);
  });
});
