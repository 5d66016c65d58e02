import { DISTRIBUTIONS, isDistribution, KNOWN } from './builtin.ts';
import { mergeLayers, type Removals } from './merge.ts';
import type { Mistakes } from './mistakes.ts';
import { EMPTY, nodeAt, type Place, type ScalarNode, textOf, wordsOf } from './node.ts';
import { layersAt, namesOf, type Sources } from './sources.ts';
import type { Distribution } from './types.ts';
import { alternatives } from './words.ts';

/** A word of the factory file, or what stands for it, with its place. */
export interface Word<T extends string = string> {
  readonly text: T;
  readonly place: Place;
}

/** One release of one image, before variants and architectures. */
export interface ImageRelease {
  /** `debian-13` */
  readonly name: string;
  /** Key of the image in the factory file: `debian`, or `debian-13` when it stands for itself. */
  readonly image: Word;
  readonly distribution: Word<Distribution>;
  readonly release: Word;
}

export interface Images {
  readonly releases: readonly ImageRelease[];
  /** Keys that name neither an image nor a distribution; they must name a line of another image. */
  readonly lineKeys: readonly Word[];
}

/** Finds out which keys under `images` are images and which name one line of them. */
export function findImages(sources: Sources, mistakes: Mistakes, removals: Removals): Images {
  const names = namesOf(sources, 'images');
  const releases: ImageRelease[] = [];
  const lineKeys: Word[] = [];
  for (const [text, place] of names) {
    const key = { text, place };
    const alone = standsAlone(text, names);
    if (isImage(sources, text)) releases.push(...releasesOf(sources, key, mistakes, removals));
    else if (alone === undefined) lineKeys.push(key);
    else if (isKnownRelease(alone.distribution, { text: alone.release, place }, mistakes)) {
      const distribution = { text: alone.distribution, place };
      releases.push({ name: text, image: key, distribution, release: { text: alone.release, place } });
    }
  }
  return { releases, lineKeys };
}

function isImage(sources: Sources, name: string): boolean {
  const says = (key: string) =>
    layersAt(sources, 'images', name, key).length > 0 || sources.unsure.has(`images.${name}.${key}`);
  return isDistribution(name) || says('distribution') || says('releases');
}

/** `debian-13` where no image is called `debian`. */
function standsAlone(name: string, names: ReadonlyMap<string, Place>) {
  const [head = '', ...rest] = name.split('-');
  if (!isDistribution(head) || names.has(head) || rest.length === 0) return undefined;
  return { distribution: head, release: rest.join('-') };
}

function releasesOf(sources: Sources, key: Word, mistakes: Mistakes, removals: Removals): ImageRelease[] {
  const own = mergeLayers(EMPTY, layersAt(sources, 'images', key.text), removals);
  const distribution = distributionOf(
    sources,
    key,
    nodeAt(own, 'distribution') as ScalarNode | undefined,
    mistakes,
  );
  const written = wordsOf(nodeAt(own, 'releases'));
  const path = `images.${key.text}.releases`;
  if (written.length === 0 && !sources.unsure.has(path)) {
    mistakes.add(key.place, `images.${key.text} has no releases`, {
      expected: 'some, such as `releases: [13]`',
    });
  }
  if (distribution === undefined) return [];
  return written
    .map(({ text, place, value }) => ({ text, place: place ?? key.place, value }))
    .filter(release => isKnownRelease(distribution.text, release, mistakes))
    .map(({ text, place }) => ({
      name: `${key.text}-${text}`,
      image: key,
      distribution,
      release: { text, place },
    }));
}

function distributionOf(
  sources: Sources,
  key: Word,
  written: ScalarNode | undefined,
  mistakes: Mistakes,
): Word<Distribution> | undefined {
  const text = textOf(written) ?? key.text;
  if (isDistribution(text)) return { text, place: written?.place ?? key.place };
  if (!sources.unsure.has(`images.${key.text}.distribution`)) {
    mistakes.add(key.place, `images.${key.text} is the name of no distribution`, {
      expected: `${alternatives(DISTRIBUTIONS)}, or the setting \`distribution\``,
      word: text,
      words: DISTRIBUTIONS,
    });
  }
  return undefined;
}

function isKnownRelease(
  distribution: Distribution,
  release: Word & { value?: ScalarNode['value'] },
  mistakes: Mistakes,
): boolean {
  const { text, value, place } = release;
  if (typeof value === 'number' && String(value) !== text) {
    mistakes.add(place, `YAML shortens the release ${text} to the number ${value}`, {
      expected: `text: write "${text}"`,
    });
    return false;
  }
  const known = KNOWN[distribution].releases;
  if (known.has(text)) return true;
  const names = [...known].map(([each, { codename }]) => `${each} (${codename})`);
  mistakes.add(place, `unknown release ${JSON.stringify(text)} of ${distribution}`, {
    expected: alternatives(names),
    word: text,
    words: known.keys(),
  });
  return false;
}
