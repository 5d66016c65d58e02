import { builtInSettings } from './builtin.ts';
import { check } from './check.ts';
import { findImages, type ImageRelease, type Images, type Word } from './images.ts';
import { mergeLayers, Removals } from './merge.ts';
import type { Mistakes } from './mistakes.ts';
import { entriesOf, type MapNode, type Node, nodeAt, type Place, type ScalarNode, wordsOf } from './node.ts';
import { resolvedSettings } from './schema.ts';
import { layersAt, namesOf, type Sources } from './sources.ts';
import type { Architecture, Hardening, ImageLine, Rebuild, User } from './types.ts';
import { alternatives } from './words.ts';

/** An image line and where its values came from. */
export interface ResolvedLine {
  readonly line: ImageLine;
  readonly base: ImageRelease;
  readonly variant?: Word;
  /** The merged settings. */
  readonly settings: MapNode;
}

/** @returns every image line, in the order of the file: a release, then its variants */
export function resolveLines(sources: Sources, mistakes: Mistakes): ResolvedLine[] {
  return new Resolver(sources, mistakes).resolve();
}

class Resolver {
  readonly #sources: Sources;
  readonly #mistakes: Mistakes;
  readonly #removals = new Removals();
  readonly #variants: ReadonlyMap<string, Place>;
  /** Line names, and the key of the image each belongs to. */
  readonly #names = new Map<string, string>();

  constructor(sources: Sources, mistakes: Mistakes) {
    this.#sources = sources;
    this.#mistakes = mistakes;
    this.#variants = namesOf(sources, 'variants');
  }

  resolve(): ResolvedLine[] {
    const images = findImages(this.#sources, this.#mistakes, this.#removals);
    const lines = images.releases.flatMap(release => this.#release(release));
    this.#checkLineKeys(images);
    this.#checkVariants();
    this.#checkRemovals();
    return lines;
  }

  #release(base: ImageRelease): ResolvedLine[] {
    const at = (...path: string[]) => layersAt(this.#sources, ...path);
    const { image, distribution, name } = base;
    const layers = [
      ...at('defaults'),
      ...at('distributions', distribution.text),
      ...at('images', image.text),
      ...(name === image.text ? [] : at('images', name)),
    ];
    const plain = this.#merge(base, layers);
    const variants = wordsOf(nodeAt(plain, 'variants')).map(node => ({
      text: node.text,
      place: placed(node, image),
    }));
    // A variant has none of its own: a long list of them is merged and checked once, not for each.
    const common = layers.map(withoutVariants);
    return [
      ...this.#line(base, undefined, plain),
      ...variants
        .filter(variant => this.#isVariant(variant))
        .flatMap(variant => {
          const more = [...at('variants', variant.text), ...at('images', `${name}-${variant.text}`)];
          return this.#line(base, variant, this.#merge(base, [...common, ...more]));
        }),
    ];
  }

  #merge(base: ImageRelease, layers: readonly Node[]): MapNode {
    return mergeLayers(builtInSettings(base.distribution.text), layers, this.#removals);
  }

  #line(base: ImageRelease, variant: Word | undefined, settings: MapNode): ResolvedLine[] {
    const suffix = variant === undefined ? '' : `-${variant.text}`;
    const name = base.name + suffix;
    const { place, text: image } = base.image;
    const owner = this.#names.get(name);
    if (owner !== undefined) this.#mistakes.add(place, `${image} and ${owner} both make the line ${name}`);
    this.#names.set(name, image);
    const within = `images.${image}`;
    const { value } = check(resolvedSettings, settings, this.#mistakes, { within, fallback: place });
    if (value === undefined) return [];
    return value.architectures.map(architecture => ({
      base,
      settings,
      ...(variant === undefined ? {} : { variant }),
      line: makeLine({ name, base, variant, architecture, value, settings }),
    }));
  }

  #isVariant({ text, place }: Word): boolean {
    if (this.#variants.has(text)) return true;
    if (!this.#sources.unsure.has('variants') && !this.#sources.unsure.has(`variants.${text}`)) {
      const words = [...this.#variants.keys()];
      const expected =
        words.length === 0 ? 'a name under `variants`, where none stands' : alternatives(words);
      this.#mistakes.add(place, `unknown variant ${JSON.stringify(text)}`, { expected, word: text, words });
    }
    return false;
  }

  #checkLineKeys({ lineKeys, releases }: Images): void {
    for (const { text, place } of lineKeys) {
      if (this.#names.has(text) || this.#mayComeFromMistake(text)) continue;
      const words = [...this.#names.keys()];
      const images = releases.map(({ image }) => image.text);
      const lines = words.length === 0 ? '' : ` the line ${alternatives(words)},`;
      this.#mistakes.add(place, `images.${text} names no image and no line of one`, {
        expected: `the name of a distribution,${lines} or settings with distribution and releases`,
        word: text,
        words: [...words, ...images],
      });
    }
    for (const [name] of this.#names) this.#checkOwnSettings(name, releases);
  }

  /** Whether the line would be there if a mistake that was told already were put right. */
  #mayComeFromMistake(name: string): boolean {
    const { unsure } = this.#sources;
    return [...namesOf(this.#sources, 'images').keys()].some(
      image =>
        name.startsWith(`${image}-`) &&
        ['releases', 'distribution', 'variants'].some(key => unsure.has(`images.${image}.${key}`)),
    );
  }

  /** A key that names one line, or a variant of one, cannot make more lines. */
  #checkOwnSettings(name: string, releases: readonly ImageRelease[]): void {
    const isOwnImage = releases.some(({ image }) => image.text === name);
    const isLine = releases.some(release => release.name === name);
    if (isLine || isOwnImage) return;
    for (const layer of layersAt(this.#sources, 'images', name, 'variants')) {
      if (layer.place === undefined) continue;
      this.#mistakes.add(layer.place, `images.${name} is a variant already`, {
        expected: 'no variants in it',
      });
    }
  }

  #checkVariants(): void {
    for (const [name, place] of this.#variants) {
      const said = layersAt(this.#sources, 'variants', name).flatMap(entriesOf);
      const unsure = [...this.#sources.unsure].some(path => path.startsWith(`variants.${name}`));
      if (said.length > 0 || unsure) continue;
      this.#mistakes.add(place, `variants.${name} changes nothing`, {
        expected: 'a setting, such as `elements: [NAME]`',
      });
    }
  }

  #checkRemovals(): void {
    // With a mistake elsewhere, the word to remove may stand in what was left out.
    if (this.#sources.unsure.size > 0) return;
    for (const [{ text, place }, below] of this.#removals.idle()) {
      const words = [...below].map(word => `-${word}`);
      const expected = `a word that a weaker setting gave${words.length === 0 ? ', and none did' : ''}`;
      this.#mistakes.add(place ?? this.#sources.start, `${text} removes nothing`, {
        expected,
        word: text,
        words,
      });
    }
  }
}

function placed(node: ScalarNode, image: Word): Place {
  return node.place ?? image.place;
}

interface LineParts {
  readonly name: string;
  readonly base: ImageRelease;
  readonly variant: Word | undefined;
  readonly architecture: Architecture;
  readonly value: ReturnType<typeof resolvedSettings.parse>;
  readonly settings: MapNode;
}

function makeLine({ name, base, variant, architecture, value, settings }: LineParts): ImageLine {
  const { title, owner, elements, packages, documentation, disk, forms, mirror, rebuild, verify } = value;
  const suffix = variant === undefined ? '' : ` ${variant.text}`;
  return {
    name,
    title: `${title} ${base.release.text}${suffix}`,
    distribution: base.distribution.text,
    release: base.release.text,
    architecture,
    ...(variant === undefined ? {} : { variant: variant.text }),
    ...(owner === undefined ? {} : { owner }),
    elements,
    packages,
    documentation,
    environment: textsOf(nodeAt(settings, 'environment')),
    disk,
    forms,
    mirror,
    rebuild: { ...rebuild, when: rebuild.when as Rebuild['when'] },
    user: userOf(value.user),
    hardening: hardeningOf(settings),
    repositories: [],
    verify,
  };
}

function userOf(value: LineParts['value']['user']): User {
  const { name, sudo, 'ssh-keys': sshKeys, 'password-hash': passwordHash } = value;
  return { name, sudo, sshKeys, ...(passwordHash === undefined ? {} : { passwordHash }) };
}

function hardeningOf(settings: MapNode): Hardening {
  return { except: textsOf(nodeAt(settings, 'hardening', 'except')) };
}

/** Values as they were written: 1.10 stays 1.10. */
function textsOf(map: Node | undefined): Record<string, string> {
  return Object.fromEntries(
    entriesOf(map).map(([name, { value }]) => [name, value.kind === 'scalar' ? value.text : '']),
  );
}

function withoutVariants(layer: Node): Node {
  if (layer.kind !== 'map') return layer;
  const entries = new Map(layer.entries);
  entries.delete('variants');
  return { ...layer, entries };
}
