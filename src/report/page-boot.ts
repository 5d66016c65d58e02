import type { Report } from '../verify/types.ts';
import { type Html, html } from './escape.ts';
import { formatSeconds } from './format.ts';

/** The chart's width, in units of its own; it is scaled to the page. */
const WIDTH = 1000;
const ROW = 20;
const BAR = 12;

/** When each unit started at the first boot, and how long it took; nothing where that is not known. */
export function bootSection({ place, units = [] }: Report): Html | undefined {
  const end = Math.max(0, ...units.map(({ start, seconds }) => start + seconds).filter(Number.isFinite));
  if (end === 0) return undefined;
  const at = (seconds: number) => ((seconds / end) * WIDTH).toFixed(1);
  const bars = units.map(({ unit, start, seconds }, index) => {
    const y = index * ROW;
    const late = start > end / 2;
    const label = late ? html`x="${at(start)}" dx="-6" text-anchor="end"` : html`x="${at(start)}" dx="6"`;
    return html`<rect x="${at(start)}" y="${y + 4}" width="${at(Math.max(seconds, end / WIDTH))}" height="${BAR}"/>
<text ${label} y="${y + 14}">${unit} ${formatSeconds(seconds)}</text>
`;
  });
  return html`<section>
<h2>Boot in ${place}</h2>
<details><summary>Show which units took longest of ${formatSeconds(end)} since the kernel started</summary>
<svg class="boot" viewBox="0 0 ${WIDTH} ${units.length * ROW}" role="img" aria-label="Start and time of each unit">
${bars}</svg>
</details>
</section>
`;
}
