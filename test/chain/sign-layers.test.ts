import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ARCHIVE, RECORD } from '../../src/build/layers/store.ts';
import { LAYER_LIST, parseLayerList } from '../../src/bundle/layer-list.ts';
import { signLayers } from '../../src/chain/sign-layers.ts';
import { TrustError } from '../../src/host/errors.ts';
import { layerKey as key } from '../build/layers/support.ts';
import { openGnupg } from '../trust/gnupg.ts';
import { type Hands, LayersUnderWay, LIST_SIGNATURE } from './layers-under-way.ts';

const layers = LayersUnderWay.ofEachTest();

it('layers are signed by their list, of which gpg finds the signature good and coreutils the digests', async () => {
  const signed = await layers.sign();
  expect(signed.layers.map(each => each.key)).toEqual([key('a'), key('b')]);
  expect(signed.fingerprint).toBe(layers.hands.layers.signing.fingerprint);
  const gpg = await openGnupg();
  try {
    await gpg.run('--import', join(layers.work, 'keys/layers.asc'));
    const files = [join(layers.folder, LIST_SIGNATURE), join(layers.folder, LAYER_LIST)];
    expect((await gpg.run('--verify', ...files)).stderr).toMatch(/Good signature/);
  } finally {
    await gpg.close();
  }
  const list = parseLayerList(await layers.list());
  expect(list.job).toBe('host:1');
  const sums = list.layers.flatMap(layer => [
    `${layer.record}  ${layer.key}/${RECORD}`,
    `${layer.archive}  ${layer.key}/${ARCHIVE}`,
  ]);
  await writeFile(join(layers.work, 'sums'), `${sums.join('\n')}\n`);
  const check = ['--strict', '-c', join(layers.work, 'sums')];
  const { stdout } = await promisify(execFile)('sha256sum', check, { cwd: layers.folder });
  expect(stdout.match(/: OK$/gm)).toHaveLength(4);
});

describe('layers are not signed', () => {
  const refused = async (hand?: keyof Hands) => {
    const error = await layers.sign(hand).catch(each => each);
    expect(error).toBeInstanceOf(TrustError);
    expect(await readdir(layers.folder)).not.toContain(LAYER_LIST);
    return error.line as string;
  };

  it.each(['release', 'stranger'] as const)('by the %s key', async hand => {
    expect(await refused(hand)).toMatch(/has no layers role in .*: name it under signing\.layers/);
  });

  it('by the local test key, even where nobody verifies or releases', async () => {
    await layers.writeFactory('layers');
    const { factory, folder } = layers;
    const signing = signLayers(layers.host('signer').context, { factory, folder, job: 'host:1' });
    await expect(signing).rejects.toThrow('there is no signing key');
  });

  it('when one of them is damaged, and what was signed before counts no more', async () => {
    await layers.sign();
    await writeFile(join(layers.folder, key('b'), ARCHIVE), 'archive c');
    expect(await refused()).toContain(`a layer in ${layers.folder} is damaged`);
  });

  it('when there are none: nobody asks for a key then', async () => {
    await rm(layers.folder, { recursive: true });
    expect(await layers.sign('stranger')).toEqual({ layers: [] });
  });
});
