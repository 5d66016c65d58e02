import type { Manifest } from '../bundle/types.ts';
import type { BitDifference, EntryDifference } from '../compare/bits.ts';
import { escapeMarkdown as text } from './escape.ts';

/** So many files are named before a number stands for the rest. */
const NAMED = 40;

interface Told extends BitDifference {
  readonly manifest: Manifest;
  readonly causes: readonly string[];
}

/** Lines for a terminal. */
export function reproductionLines(told: Told): string[] {
  const { manifest, causes, identical, images } = told;
  if (identical) {
    const digests = manifest.files.map(({ path, sha256 }) => `${sha256}  ${path}`);
    return [`${manifest.image} ${manifest.version} is identical, bit for bit`, ...digests];
  }
  return [
    `${manifest.image} ${manifest.version} came out with other bytes: ${images.join(', ')}`,
    ...causes.map(cause => `may be the reason: ${cause}`),
    ...entryLines(told),
  ];
}

/** Markdown for a job's summary. */
export function reproductionMarkdown(told: Told): string {
  const { manifest, causes, identical } = told;
  const name = `${text(manifest.image)} ${text(manifest.version)}`;
  if (identical) return `## ✅ ${name} is identical, bit for bit\n\nDisk ${text(manifest.diskDigest)}.\n`;
  const list = (lines: readonly string[]) => lines.map(line => `- ${text(line)}`).join('\n');
  const why =
    causes.length === 0
      ? 'Everything that went in was the same as far as is known.'
      : `Not as at the first build:\n\n${list(causes)}`;
  return `## ❌ ${name} came out with other bytes\n\n${why}\n\n${list(entryLines(told))}\n`;
}

function entryLines({ entries }: Told): string[] {
  if (entries.length === 0) {
    return ['no file in the image differs: the difference lies in the file system or the partition table'];
  }
  const named = entries.slice(0, NAMED).map(entryLine);
  const rest = entries.length - named.length;
  return [`files that differ: ${entries.length}`, ...named, ...(rest > 0 ? [`and ${rest} more`] : [])];
}

function entryLine({ path, facts, reason }: EntryDifference): string {
  return `${path}: ${reason ?? facts.join(', ')}`;
}
