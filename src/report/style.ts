import { Html } from './escape.ts';

/** The style of the page of results: inside it, so that the page is one file and loads nothing. */
export const STYLE = new Html(`
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --sheet: #fff; --line: #dde1e7; --text: #1b2230; --soft: #566072;
  --link: #0b57c4; --good: #11683a; --good-ground: #e2f4e8; --bad: #a51b24; --bad-ground: #fde8e8;
  --warn: #7a4a00; --warn-ground: #fdf1d8; --code: #f0f2f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161d; --sheet: #1a2029; --line: #303947; --text: #e6eaf0; --soft: #a3aebe;
    --link: #83b4ff; --good: #7ee2a8; --good-ground: #143524; --bad: #ffa3a3; --bad-ground: #46191c;
    --warn: #ffce7a; --warn-ground: #3f2d0c; --code: #11151b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; letter-spacing: -.01em; }
h2 { margin: 0 0 .9rem; font-size: 1.15rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
p { margin: .4rem 0; }
a { color: var(--link); overflow-wrap: anywhere; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.25rem; margin-top: 1rem; }
.soft { color: var(--soft); }
.version { font-size: 1.05rem; color: var(--soft); margin: .15rem 0 .75rem; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .85rem; font-weight: 600;
  white-space: nowrap; background: var(--code); color: var(--soft); }
.badges .badge { margin: 0 .3rem .3rem 0; }
.good { color: var(--good); background: var(--good-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.warn { color: var(--warn); background: var(--warn-ground); }
.note { padding: .7rem 1rem; border-radius: .5rem; margin-top: 1rem; }
dl { display: grid; grid-template-columns: 10rem minmax(0, 1fr); gap: .45rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: .85em/1.5 ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; }
code { overflow-wrap: anywhere; }
pre { margin: .4rem 0 0; padding: .8rem 1rem; background: var(--code); border: 1px solid var(--line);
  border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
svg.boot { width: 100%; height: auto; margin-top: .6rem; fill: var(--text); font: 11px system-ui, sans-serif; }
svg.boot rect { fill: var(--link); opacity: .45; }
pre.console { max-height: 32rem; overflow-y: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-size: .85rem; font-weight: 600; padding-top: 0; }
tbody th { font-weight: 600; }
td.number { white-space: nowrap; }
.checks th:nth-child(1) { width: 9.5rem; }
.checks th:nth-child(2) { width: 7rem; }
.checks th:nth-child(3) { width: 4.5rem; }
td small { display: block; color: var(--soft); font-size: .85rem; }
details { margin-top: .8rem; }
summary { cursor: pointer; color: var(--link); }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  main { padding: 1.25rem .75rem 2rem; }
  h1 { font-size: 1.4rem; }
  section { padding: 1rem; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .6rem; }
  table, tbody, tr, th, td { display: block; width: 100%; padding-right: 0; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border-top: 1px solid var(--line); padding: .6rem 0; }
  tbody tr:first-child { border-top: 0; }
  th, td { border: 0; padding: .1rem 0; }
  .checks tr { display: grid; grid-template-columns: minmax(0, 1fr) auto auto; gap: .1rem .6rem; }
  .checks th:nth-child(n), .checks td { width: auto; }
  .checks td:last-child { grid-column: 1 / -1; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); font-size: .85rem; }
}
@media print {
  body { background: #fff; font-size: 11pt; }
  main { max-width: none; padding: 0; }
  section { break-inside: avoid-page; border-color: #bbb; }
  pre.console { max-height: none; }
}
`);
