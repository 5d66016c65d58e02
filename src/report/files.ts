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
  { console, screen }: { readonly console: string; readonly screen?: Buffer },
): Record<string, string | Uint8Array> {
  return {
    'report.json': reportJson(report),
    'junit.xml': junit(report),
    'console.log': console.split('\n').map(clean).join('\n'),
    ...(screen && { 'screen.png': screen }),
  };
}
