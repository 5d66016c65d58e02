import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type ResolvedLine, resolveLines } from './lines.ts';
import { Mistakes } from './mistakes.ts';
import { nodeAt, wordsOf } from './node.ts';
import { withOwnChecks } from './own-checks.ts';
import { withRepositories } from './repositories.ts';
import { layersAt, type ReadText, readSources, readUtf8, type Sources } from './sources.ts';
import { resolveRetention, resolveSigning, resolveStages } from './stages.ts';
import type { Factory } from './types.ts';

export interface LoadOptions {
  /** Folder of the elements that come with image-factory; the user's own `elements/` is searched first. */
  readonly builtinElements: string;
  /** Folders searched after those, such as the elements of an installed diskimage-builder. */
  readonly moreElements?: readonly string[];
  /** Reads a file by its absolute path; default: from disk, as strict UTF-8. */
  readonly readFile?: ReadText;
}

/** A factory, and for `explain` where its values came from. */
export interface Definition {
  readonly factory: Factory;
  readonly lines: readonly ResolvedLine[];
}

/** @throws DefinitionError that holds every mistake on a line of its own: `FILE:LINE:COLUMN: ...` */
export async function loadFactory(file: string, options: LoadOptions): Promise<Factory> {
  return (await loadDefinition(file, options)).factory;
}

/** Like loadFactory, and keeps where each value came from. */
export async function loadDefinition(file: string, options: LoadOptions): Promise<Definition> {
  const mistakes = new Mistakes();
  const sources = await readSources(file, mistakes, options.readFile ?? readUtf8);
  if (!sources.complete) mistakes.throwIfAny();
  const directory = dirname(resolve(file));
  const elementPaths = [
    join(directory, 'elements'),
    ...elementsPath(sources),
    ...[options.builtinElements, ...(options.moreElements ?? [])].map(path => resolve(path)),
  ];
  const resolved = withRepositories(sources, resolveLines(sources, mistakes), mistakes);
  const lines = await withOwnChecks(resolve(file), resolved, mistakes);
  checkElements(lines, await elementsIn(elementPaths), mistakes);
  const stages = await resolveStages(resolve(file), sources, mistakes);
  const retention = resolveRetention(sources, mistakes);
  const signing = resolveSigning(sources, mistakes, directory);
  if (lines.length === 0 && !mistakes.any) {
    mistakes.add(sources.start, 'no image is defined', {
      expected: 'at least `images: {debian: {releases: [13]}}`',
    });
  }
  mistakes.throwIfAny();
  if (retention === undefined || signing === undefined) throw new TypeError('a mistake was not told');
  const images = lines.map(({ line }) => line);
  return { factory: { file: resolve(file), elementPaths, images, stages, retention, signing }, lines };
}

/** The folders named in the factory file and its includes, the strongest first; relative to where they are named. */
function elementsPath(sources: Sources): string[] {
  return layersAt(sources, 'elements-path')
    .toReversed()
    .flatMap(layer => wordsOf(layer))
    .map(({ text, place }) => resolve(dirname(place?.file ?? sources.start.file), text));
}

async function elementsIn(paths: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(paths.map(foldersIn));
  return new Set(found.flat());
}

/** A folder that is not there has no elements; what is named and missing is told with its line. */
async function foldersIn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter(entry => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name);
  } catch {
    return [];
  }
}

function checkElements(lines: readonly ResolvedLine[], known: ReadonlySet<string>, mistakes: Mistakes): void {
  for (const { settings, base } of lines) {
    for (const { text, place } of wordsOf(nodeAt(settings, 'elements'))) {
      if (known.has(text)) continue;
      mistakes.add(place ?? base.image.place, `there is no element ${text}`, {
        expected:
          "a folder of that name in elements/ beside the factory file, a built-in element, or one of diskimage-builder's where that is installed",
        word: text,
        words: known,
      });
    }
  }
}
