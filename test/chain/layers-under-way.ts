import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { packLayers } from '../../src/build/layers/parcel.ts';
import { runningDigest } from '../../src/bundle/digest.ts';
import { LAYER_LIST } from '../../src/bundle/layer-list.ts';
import { readDefinition } from '../../src/chain/definition.ts';
import { takeSignedLayers } from '../../src/chain/shared-layers.ts';
import { signLayers } from '../../src/chain/sign-layers.ts';
import { armorSignature } from '../../src/trust/signature.ts';
import type { SigningKey } from '../../src/trust/signing-key.ts';
import { keepLayer, layerKey } from '../build/layers/support.ts';
import { recordingContext } from '../host/support.ts';
import { temporary } from '../promote/fixture.ts';
import { type Hand, makeHand } from '../trust/fixture.ts';

export const LIST_SIGNATURE = `${LAYER_LIST}.asc`;

/** A key for each role, which is its name, and one of nobody. */
export type Hands = Readonly<Record<'layers' | 'verify' | 'release' | 'stranger', Hand>>;

async function makeHands(): Promise<Hands> {
  const [layers, verify, release, stranger] = await Promise.all([
    makeHand('layers'),
    makeHand('verify'),
    makeHand('release'),
    makeHand('stranger'),
  ]);
  return { layers, verify, release, stranger };
}

/** The layers a and b on their way from a build to the job that signs them, and to a release on another host. */
export class LayersUnderWay {
  #hands: Hands | undefined;
  #work = '';

  /** Laid out anew for each test of a file. */
  static ofEachTest(): LayersUnderWay {
    const own = new LayersUnderWay();
    beforeEach(() => own.open());
    afterEach(() => own.close());
    return own;
  }

  /** The public keys are all at hand; they are made once. */
  async open(): Promise<this> {
    this.#hands ??= await makeHands();
    this.#work = await temporary();
    await mkdir(join(this.work, 'keys'));
    for (const [name, { signing }] of Object.entries(this.hands))
      await writeFile(join(this.work, 'keys', `${name}.asc`), signing.publicKey);
    await this.writeFactory('layers', 'verify', 'release');
    const cache = join(this.work, 'here/image-factory');
    for (const letter of ['a', 'b']) await keepLayer(join(cache, 'layers'), letter);
    await packLayers(this.host('here').context, { cache, folder: this.folder, since: new Date(0) });
    return this;
  }

  get hands(): Hands {
    if (this.#hands === undefined) throw new Error('nothing is laid out yet');
    return this.#hands;
  }

  get work(): string {
    return this.#work;
  }

  close(): Promise<void> {
    return rm(this.work, { recursive: true, force: true });
  }

  get folder(): string {
    return join(this.work, 'shared');
  }

  get factory(): string {
    return join(this.work, 'factory.yaml');
  }

  host(name: string, env: Readonly<Record<string, string>> = {}) {
    const own = { XDG_CACHE_HOME: join(this.work, name), XDG_STATE_HOME: join(this.work, 'state') };
    return recordingContext({ env: { ...own, ...env } });
  }

  /** Each of these roles is of the key of its name, the others of nobody. */
  writeFactory(...roles: readonly ('layers' | 'verify' | 'release')[]): Promise<void> {
    return this.#write(roles.map(role => `${role}: [${this.hands[role].signing.fingerprint}]`).join(', '));
  }

  /** Lets this key alone sign layers. */
  trust(fingerprint: string): Promise<void> {
    return this.#write(`layers: [${fingerprint}]`);
  }

  #write(signing: string): Promise<void> {
    const text = `images: { debian: { releases: [12] } }\nsigning: { ${signing} }\n`;
    return writeFile(this.factory, text);
  }

  sign(hand: keyof Hands = 'layers') {
    const { context } = this.host('signer', { KEY: this.hands[hand].secret });
    const { factory, folder } = this;
    return signLayers(context, { factory, folder, job: 'host:1', signingKey: 'env:KEY' });
  }

  /** What a release on another host takes over, and what it says. */
  async take(folder = this.folder): Promise<{ taken: string[]; said: string }> {
    const { context, said } = this.host('there');
    const { factory } = await readDefinition(context, this.factory);
    await takeSignedLayers(context, factory, folder);
    const taken = (await readdir(join(this.work, 'there/image-factory/layers')).catch(() => [])).sort();
    await rm(join(this.work, 'there'), { recursive: true, force: true });
    return { taken, said: said.join('\n') };
  }

  /** Puts a whole layer of somebody else into the folder. */
  async slipIn(letter: string): Promise<void> {
    const [layers, key] = [join(this.work, 'stranger'), layerKey(letter)];
    await keepLayer(layers, letter, { content: 'evil' });
    await rm(join(this.folder, key), { recursive: true, force: true });
    await cp(join(layers, key), join(this.folder, key), { recursive: true });
  }

  list(): Promise<string> {
    return readFile(join(this.folder, LAYER_LIST), 'utf8');
  }

  /** Puts another list into the folder, or the same, by another hand. */
  async signText(text: string, signing: SigningKey): Promise<void> {
    const signature = await signing.signDigest(runningDigest(Buffer.from(text)));
    await writeFile(join(this.folder, LAYER_LIST), text);
    await writeFile(join(this.folder, LIST_SIGNATURE), await armorSignature(signature));
  }
}
