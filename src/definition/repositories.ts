import { BUILT_IN_REPOSITORY, KNOWN } from './builtin.ts';
import { check } from './check.ts';
import type { ResolvedLine } from './lines.ts';
import { mergeLayers } from './merge.ts';
import type { Mistakes } from './mistakes.ts';
import { nodeAt, wordsOf } from './node.ts';
import { resolvedRepository } from './schema/repository.ts';
import { layersAt, namesOf, placeOf, type Sources } from './sources.ts';
import type { ImageLine, Repository } from './types.ts';
import { alternatives } from './words.ts';

/** A repository as the factory file describes it, for every image. */
type Described = ReturnType<typeof resolvedRepository.parse> & { readonly name: string };

/** The lines with the repositories that they name, addresses filled in for each. */
export function withRepositories(
  sources: Sources,
  lines: readonly ResolvedLine[],
  mistakes: Mistakes,
): ResolvedLine[] {
  const described = describeAll(sources, mistakes);
  return lines.map(resolved => {
    const names = wordsOf(nodeAt(resolved.settings, 'repositories'));
    for (const { text, place } of names) {
      if (described.has(text) || isUnsure(sources, text)) continue;
      const words = [...described.keys()];
      mistakes.add(place ?? resolved.base.image.place, `there is no repository ${text}`, {
        expected: words.length === 0 ? 'a name under `repositories`, where none stands' : alternatives(words),
        word: text,
        words,
      });
    }
    const own = names.map(({ text }) => described.get(text)).filter(each => each !== undefined);
    const { line } = resolved;
    return { ...resolved, line: { ...line, repositories: own.map(each => forLine(each, line)) } };
  });
}

function describeAll(sources: Sources, mistakes: Mistakes): Map<string, Described> {
  const found = new Map<string, Described>();
  for (const [name] of namesOf(sources, 'repositories')) {
    if (isUnsure(sources, name)) continue;
    const settings = mergeLayers(BUILT_IN_REPOSITORY, layersAt(sources, 'repositories', name));
    const place = placeOf(sources, 'repositories', name);
    const within = `repositories.${name}`;
    const { value } = check(resolvedRepository, settings, mistakes, { within, fallback: place });
    if (value === undefined) continue;
    const at = (key: string) => nodeAt(settings, key)?.place ?? place;
    if (value.image === 'keep' && value.credentials !== undefined) {
      mistakes.add(at('credentials'), `${within} needs credentials, which no image may keep`, {
        expected: '`image: remove`',
      });
    }
    if (value.suite.endsWith('/') && value.components !== undefined) {
      mistakes.add(at('components'), `${within} is a flat repository, which has no components`);
    }
    found.set(name, { ...value, name });
  }
  return found;
}

/** Whether a mistake in it was told already. */
function isUnsure(sources: Sources, name: string): boolean {
  const path = `repositories.${name}`;
  return [...sources.unsure].some(each => each === path || each.startsWith(`${path}.`));
}

function forLine(described: Described, line: ImageLine): Repository {
  const { name, key, image, pin, credentials } = described;
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_all, word: string) => placeholders(line)[word] ?? '');
  const flat = described.suite.endsWith('/');
  return {
    name,
    uri: fill(described.apt).replace(/\/+$/, ''),
    suite: fill(described.suite),
    components: flat ? [] : (described.components ?? ['main']),
    key,
    fingerprint: described.fingerprint.toUpperCase(),
    ...(pin === undefined ? {} : { pin }),
    image,
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function placeholders({ distribution, release, architecture }: ImageLine): Record<string, string> {
  const codename = KNOWN[distribution].releases.get(release)?.codename ?? release;
  return { distribution, release, architecture, codename };
}
