import { basename } from 'node:path';
import { HASHDEEP, SHA256SUMS, SHA512SUMS, SIGNATURE } from '../bundle/names.ts';
import type { ImageFile } from '../bundle/types.ts';
import { type Html, html, htmlLines } from './escape.ts';
import { formatBytes } from './format.ts';
import type { PageInput } from './page.ts';

/** The image files with their digests. */
export function filesSection({ manifest, signed, core }: PageInput): Html {
  return html`<section>
<h2>Files and digests</h2>
${manifest.files.map(file => fileFacts(file, core))}
<h3>The disk inside, the same in every form</h3>
<dl>
<dt>Size</dt><dd>${formatBytes(manifest.diskSize)} (${manifest.diskSize} bytes)</dd>
<dt>SHA-256</dt><dd><code>${manifest.diskDigest}</code></dd>
</dl>
${
  signed !== undefined &&
  html`<h3>The signed core</h3>
<dl>
<dt>SHA-256 of ${SHA256SUMS}</dt><dd><code>${signed.coreDigest}</code></dd>
<dt>Signed by</dt><dd><code>${signed.fingerprint}</code>${signed.localTestKey && ', a local test key'}</dd>
<dt>Signatures</dt><dd>${signed.signatures.length}</dd>
</dl>`
}
</section>
`;
}

function fileFacts(file: ImageFile, core: string): Html {
  return html`<h3><a href="${core}${relative(file.path)}">${basename(file.path)}</a></h3>
<dl>
<dt>Size</dt><dd>${formatBytes(file.size)} (${file.size} bytes)</dd>
<dt>SHA-256</dt><dd><code>${file.sha256}</code></dd>
<dt>SHA-512</dt><dd><code>${file.sha512}</code></dd>
</dl>
`;
}

function relative(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Commands to copy; they need nothing of image-factory. */
export function howToVerify({ manifest, signed }: PageInput): Html | undefined {
  if (signed === undefined) return undefined;
  const first = manifest.files[0]?.path ?? SHA256SUMS;
  const audit = `grep -v '^[%#]' ${HASHDEEP} | cut -d, -f3 | xargs hashdeep -l -a -v -k ${HASHDEEP}`;
  return html`<section>
<h2>How to check it yourself</h2>
<p>In the folder of the files, with the public key <code>${signed.fingerprint}</code> in your keyring:</p>
${command('One downloaded file', [`gpg --verify ${first}${SIGNATURE} ${first}`])}
${command('One file by its sum', [
  `gpg --verify ${SHA256SUMS}${SIGNATURE} ${SHA256SUMS}`,
  `sha256sum --strict --check --ignore-missing ${SHA256SUMS}`,
])}
${command('The whole core', [
  `gpg --verify ${SHA512SUMS}${SIGNATURE} ${SHA512SUMS}`,
  `sha512sum --strict --check ${SHA512SUMS}`,
  `gpg --verify ${HASHDEEP}${SIGNATURE} ${HASHDEEP}`,
  audit,
])}
<p class="soft">gpg must say <em>Good signature</em> and show this very fingerprint.</p>
</section>
`;
}

function command(title: string, lines: readonly string[]): Html {
  return html`<h3>${title}</h3>
<pre>${htmlLines(lines.join('\n'))}</pre>
`;
}
