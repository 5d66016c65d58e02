import type { CheckResult, Outcome, Report } from '../verify/types.ts';
import { type Html, html, htmlLines, webLink } from './escape.ts';
import { formatSeconds, formatTime } from './format.ts';

/** More of a console than this, characters, is left out of the middle; the whole log lies beside the verdict. */
const MOST_CONSOLE = 256 * 1024;

const OUTCOMES: Readonly<Record<Outcome, { word: string; style: string }>> = {
  passed: { word: 'Passed', style: 'good' },
  warned: { word: 'Warned', style: 'warn' },
  failed: { word: 'Failed', style: 'bad' },
  flaky: { word: 'Flaky', style: 'bad' },
  quarantined: { word: 'In quarantine', style: 'warn' },
  'not-applicable': { word: 'Does not apply', style: 'warn' },
};

/** The checks of one place. */
export function placeSection(report: Report, protects: Readonly<Record<string, string>>): Html {
  const passed = report.checks.filter(check => check.outcome === 'passed').length;
  const style = report.passed ? 'good' : 'bad';
  const link = webLink(report.job);
  return html`<section>
<h2>Tests in ${report.place} <span class="badge ${style}">${passed} of ${report.checks.length} passed</span></h2>
<table class="checks">
<thead><tr><th>Check</th><th>Outcome</th><th>Time</th><th>What was seen</th></tr></thead>
<tbody>
${report.checks.map(check => row(check, report, Object.hasOwn(protects, check.name) ? protects[check.name] : undefined))}
</tbody>
</table>
<p class="soft">Booted by ${report.machine.kind} (${report.machine.accelerator}, ${report.machine.firmware}),
${formatTime(report.startedAt)}${report.bootSeconds > 0 && `, ready after ${formatSeconds(report.bootSeconds)}`}${otherBoots(report)}.
Run ${report.run}, job ${link === undefined ? report.job : html`<a href="${link}">${link}</a>`}.</p>
</section>
`;
}

function otherBoots({ otherBoots = [] }: Report): string {
  const ready = (seconds: number) => (seconds > 0 ? `after ${formatSeconds(seconds)}` : 'never');
  return otherBoots.map(({ name, bootSeconds }) => `; ${name} ready ${ready(bootSeconds)}`).join('');
}

function row(check: CheckResult, report: Report, protects: string | undefined): Html {
  const { word, style } = OUTCOMES[check.outcome];
  const optional = !report.required.includes(check.name);
  return html`<tr><th scope="row">${check.name}</th>
<td><span class="badge ${style}">${word}</span>${optional && html` <span class="soft">not required</span>`}</td>
<td class="number">${formatSeconds(check.seconds)}</td>
<td>${check.detail}${protects !== undefined && html`<small>${protects}</small>`}</td></tr>
`;
}

/** A console log, folded away. */
export function consoleSection(place: string, text: string): Html {
  return html`<section>
<h2>Console in ${place}</h2>
<details><summary>Show ${text.split('\n').length} lines that the guest wrote</summary>
<pre class="console">${htmlLines(shorten(text))}</pre>
</details>
</section>
`;
}

function shorten(text: string): string {
  if (text.length <= MOST_CONSOLE) return text;
  return `${text.slice(0, MOST_CONSOLE / 2)}\n[... the middle is left out ...]\n${text.slice(-MOST_CONSOLE / 2)}`;
}
