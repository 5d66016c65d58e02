import type { Manifest } from '../bundle/types.ts';
import type { StoredImage } from '../promote/types.ts';
import type { Report } from '../verify/types.ts';
import { Html, html, webLink } from './escape.ts';
import { formatBytes, formatSeconds, formatTime } from './format.ts';
import { bootSection } from './page-boot.ts';
import { consoleSection, placeSection } from './page-checks.ts';
import { filesSection, howToVerify } from './page-files.ts';
import { STYLE } from './style.ts';

/** All that the page of one build shows. */
export interface PageInput {
  readonly manifest: Manifest;
  /** Number of installed packages. */
  readonly packages?: number;
  /** The reports that count, one per place, in the order of the chain. */
  readonly reports: readonly Report[];
  /** What each check protects a customer from, by its name. */
  readonly protects: Readonly<Record<string, string>>;
  readonly signed?: {
    readonly fingerprint: string;
    readonly localTestKey: boolean;
    readonly coreDigest: string;
    readonly signatures: readonly string[];
  };
  readonly promotions: readonly Promotion[];
  /** Console logs by place. */
  readonly consoles: readonly { readonly place: string; readonly text: string }[];
  /** Address of the core's folder as seen from the page: `core/`. */
  readonly core: string;
}

export interface Promotion {
  readonly stage: string;
  /** `directory:stores/staging` */
  readonly store: string;
  readonly image: StoredImage;
  /** The version that stepped back for it. */
  readonly previous?: string;
}

/** The page of results: one HTML file without scripts, links to other sites only for CI jobs. */
export function page(input: PageInput): string {
  const { manifest } = input;
  const name = `${manifest.image} ${manifest.version}`;
  const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
  const document = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${name}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${heading(input)}
${facts(input)}
${promotionSection(input)}
${input.reports.map(report => placeSection(report, input.protects))}
${filesSection(input)}
${howToVerify(input)}
${input.reports.map(bootSection)}
${making(input)}
${input.consoles.map(({ place, text }) => consoleSection(place, text))}
<footer>Made by image-factory. This page explains; only the signatures prove.</footer>
</main>
</body>
</html>
`;
  return document.text;
}

function heading({ manifest, reports, promotions, signed }: PageInput): Html {
  const failed = reports.filter(report => !report.passed);
  return html`<header>
<h1>${manifest.line.title}</h1>
<p class="version">${manifest.image}, version ${manifest.version}, ${manifest.line.architecture}</p>
<div class="badges">
${reports.length === 0 && html`<span class="badge warn">Not tested yet</span>`}
${reports.length > 0 && failed.length === 0 && html`<span class="badge good">All checks passed</span>`}
${failed.map(report => html`<span class="badge bad">Failed in ${report.place}</span>`)}
${signed === undefined ? html`<span class="badge warn">Not signed</span>` : html`<span class="badge good">Signed</span>`}
${promotions.map(({ stage, image }) => html`<span class="badge good">${stateOf(image)} in ${stage}</span>`)}
</div>
${signed?.localTestKey && localKeyNote()}
</header>`;
}

function localKeyNote(): Html {
  return html`<p class="note warn"><strong>Signed with a local test key.</strong>
It shows that nothing changed since this machine made it, and nothing about who made it. Not for publication.</p>`;
}

function facts({ manifest, packages, promotions, reports }: PageInput): Html {
  const { line } = manifest;
  const boot = reports[0];
  return html`<section>
<h2>What it is</h2>
<dl>
${fact('Distribution', `${line.distribution} ${line.release}`)}
${fact('Built', formatTime(manifest.builtAt))}
${fact('Built by', job(manifest.builder.run))}
${fact('Accepted by', acceptedBy(reports))}
${fact('Owner', line.owner)}
${fact('Disk', `${formatBytes(manifest.diskSize)}, ${line.disk.filesystem} on GPT, boots under BIOS and UEFI`)}
${fact('Needs', `${manifest.minimum.disk} GiB of disk, ${manifest.minimum.memory} MiB of memory`)}
${fact('First boot', boot && `${formatSeconds(boot.bootSeconds)} (${boot.machine.kind}, ${boot.machine.accelerator})`)}
${fact('Default user', line.user.name)}
${fact('Packages', packages === undefined ? undefined : String(packages))}
${fact('Elements', manifest.elements.map(element => element.name).join(', '))}
${fact('Public', promotions.length === 0 ? 'nowhere yet' : undefined)}
</dl>
</section>`;
}

function fact(name: string, value: Html | string | undefined): Html | undefined {
  return value === undefined || value === '' ? undefined : html`<dt>${name}</dt><dd>${value}</dd>\n`;
}

function acceptedBy(reports: readonly Report[]): Html | undefined {
  const jobs = [...new Set(reports.filter(report => report.passed).map(report => report.job))];
  if (jobs.length === 0) return undefined;
  return html`${jobs.map((each, index) => html`${index > 0 && ', '}${job(each)}`)}`;
}

/** A link to a CI job where it is one; plain text, such as `host:123`, else. */
function job(address: string): Html {
  const link = webLink(address);
  return link === undefined ? html`${address}` : html`<a href="${link}">${link}</a>`;
}

function stateOf(image: StoredImage): string {
  if (image.hidden) return 'Hidden';
  return image.visibility === 'public' ? 'Public' : 'Private';
}

function promotionSection({ promotions }: PageInput): Html | undefined {
  if (promotions.length === 0) return undefined;
  return html`<section>
<h2>Where it is</h2>
<table>
<thead><tr><th>Stage</th><th>Store</th><th>Now</th><th>Id</th><th>Before it</th></tr></thead>
<tbody>
${promotions.map(promotionRow)}
</tbody>
</table>
</section>`;
}

function promotionRow({ stage, store, image, previous }: Promotion): Html {
  const good = image.visibility === 'public' && !image.hidden;
  return html`<tr><th scope="row">${stage}</th><td data-label="Store">${store}</td>
<td data-label="Now"><span class="badge ${good ? 'good' : ''}">${stateOf(image)}</span></td>
<td data-label="Id"><code>${image.id}</code></td>
<td data-label="Before it">${previous === undefined ? 'none' : `${previous}, hidden now`}</td></tr>
`;
}

function making({ manifest }: PageInput): Html {
  const total = manifest.timings.reduce((sum, timing) => sum + timing.seconds, 0);
  return html`<section>
<h2>How it was made</h2>
<dl>
${fact('Host', manifest.builder.host)}
${fact('Engine', manifest.builder.engine)}
${fact('Time', total === 0 ? undefined : formatSeconds(total))}
${fact('Inputs', html`<code>${manifest.inputDigest}</code>`)}
</dl>
${details(
  'Where the time went',
  manifest.timings.map(({ what, seconds }) => fact(what, formatSeconds(seconds))),
)}
${details(
  'Elements',
  manifest.elements.map(({ name, digest }) => fact(name, html`<code>${digest}</code>`)),
)}
${details(
  'Tools',
  Object.entries(manifest.tools).map(([tool, version]) => fact(tool, version)),
)}
${details(
  'Package sources',
  manifest.sources.map(source => fact(source.suite, html`<code>${source.inReleaseSha256}</code>`)),
)}
</section>`;
}

function details(title: string, facts: readonly (Html | undefined)[]): Html | undefined {
  if (facts.length === 0) return undefined;
  return html`<details><summary>${title}</summary>
<dl>
${facts}</dl>
</details>
`;
}
