import { clean } from '../host/log.ts';
import type { Report } from '../verify/types.ts';
import { junit } from './junit.ts';

/** `report.json` as it lies beside a verdict. */
export function reportJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** What lies beside a verdict, content by name. The console is cleaned: it is read in terminals. */
export function reportFiles(
  report: Report,
  boots: readonly { readonly name: string; readonly console: string; readonly screen?: Buffer }[],
): Record<string, string | Uint8Array> {
  const files: Record<string, string | Uint8Array> = {
    'report.json': reportJson(report),
    'junit.xml': junit(report),
  };
  for (const [index, { name, console, screen }] of boots.entries()) {
    const suffix = suffixOf(name, index === 0);
    files[`console${suffix}.log`] = cleanConsole(console);
    if (screen !== undefined) files[`screen${suffix}.png`] = screen;
  }
  return files;
}

/** The console of a boot whose run was broken off, as it would have lain beside a verdict. */
export function consoleFile(boot: { readonly name: string; readonly console: string }) {
  const name = `console${suffixOf(boot.name, boot.name === 'first')}.log`;
  return { name, text: cleanConsole(boot.console) };
}

/** @param main the boot that the report tells of */
function suffixOf(name: string, main: boolean): string {
  return main ? '' : `-${name}`;
}

/** As it lies in a file, for a terminal to show. */
function cleanConsole(console: string): string {
  return console.split('\n').map(clean).join('\n');
}
