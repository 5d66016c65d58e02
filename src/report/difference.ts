import type { Difference, FileChange, PackageChange } from '../compare/bundles.ts';
import { escapeMarkdown as text } from './escape.ts';
import { formatBytes, formatSeconds } from './format.ts';

/** So many files are named before a number stands for the rest. */
const NAMED = 40;

/** Lines for a terminal. */
export function differenceLines(difference: Difference): string[] {
  const { before, now, packages, files, boot, cves } = difference;
  return [
    `${before.image} ${before.version} -> ${now.image} ${now.version}`,
    ...(packages.length === 0 ? ['no package differs'] : packages.flatMap(packageLines)),
    ...(cves.length === 0 ? [] : [`named in changelogs: ${cves.join(', ')}`]),
    ...fileLines('files', files),
    ...sizes(difference),
    ...boot.map(each => `boot at ${each.place}: ${seconds(each.before)} -> ${seconds(each.now)}`),
  ];
}

function packageLines({ name, before, now, changelog }: PackageChange): string[] {
  const what =
    before === undefined
      ? `+ ${name} ${now}`
      : now === undefined
        ? `- ${name} ${before}`
        : `  ${name} ${before} -> ${now}`;
  return [what, ...changelog.flatMap(entry => entry.items.map(item => `      ${entry.version}: ${item}`))];
}

function fileLines(title: string, files: readonly FileChange[]): string[] {
  if (files.length === 0) return [`no ${title} differ`];
  const marks = { added: '+', removed: '-', changed: ' ' };
  const named = files.slice(0, NAMED).map(({ path, kind }) => `${marks[kind]} ${path}`);
  const rest = files.length - named.length;
  return [`${title}: ${files.length}`, ...named, ...(rest > 0 ? [`  and ${rest} more`] : [])];
}

function sizes({ before, now }: Difference): string[] {
  const lines = [`disk: ${formatBytes(before.diskSize)} -> ${formatBytes(now.diskSize)}`];
  for (const file of now.files) {
    const older = before.files.find(each => each.form === file.form);
    lines.push(
      `${file.form}: ${older === undefined ? 'none' : formatBytes(older.size)} -> ${formatBytes(file.size)}`,
    );
  }
  return lines;
}

function seconds(value: number | undefined): string {
  return value === undefined ? 'not booted' : formatSeconds(value);
}

/** Markdown for release notes and pages of approval. */
export function differenceMarkdown(difference: Difference): string {
  const { before, now, packages, configuration, files, cves, boot } = difference;
  const rows = packages.map(each => [
    text(each.name),
    text(each.before ?? ''),
    text(each.now ?? ''),
    [...new Set(each.changelog.flatMap(entry => entry.cves))].map(text).join(', '),
  ]);
  const notes = packages.filter(each => each.changelog.length > 0).map(noteOf);
  return [
    `## ${text(now.image)} ${text(before.version)} → ${text(now.version)}`,
    packages.length === 0 ? 'No package differs.' : table(['Package', 'Before', 'Now', 'CVEs named'], rows),
    cves.length === 0
      ? 'No CVE is named in the changelogs.'
      : `CVEs named in the changelogs: ${cves.map(text).join(', ')}.`,
    ...notes,
    `${files.length} files differ, ${configuration.length} of them below /etc${list(configuration)}`,
    ...sizes(difference).map(line => `- ${text(line)}`),
    ...boot.map(each => `- boot at ${text(each.place)}: ${seconds(each.before)} → ${seconds(each.now)}`),
    '',
  ].join('\n\n');
}

function noteOf({ name, changelog }: PackageChange): string {
  const items = changelog.flatMap(entry =>
    entry.items.map(item => `- ${text(entry.version)}: ${text(item)}`),
  );
  return `<details><summary>${text(name)}</summary>\n\n${items.join('\n')}\n\n</details>`;
}

function list(files: readonly FileChange[]): string {
  if (files.length === 0) return '.';
  const named = files.slice(0, NAMED).map(({ path, kind }) => `- ${kind} ${text(path)}`);
  return `:\n\n${named.join('\n')}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}
