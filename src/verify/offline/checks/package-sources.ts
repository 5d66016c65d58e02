import { type AptSource, parseAptSources } from '../../../image/apt-sources.ts';
import type { ImageContent } from '../../../image/content.ts';
import { publicMirror } from '../../../image/public-mirror.ts';
import type { OfflineCheck } from '../../types.ts';
import { OFFLINE } from '../facts.ts';
import type { Finding, ImageUnderTest } from '../types.ts';

const TRUSTED = ['/etc/apt/trusted.gpg', '/etc/apt/trusted.gpg.d'];
/** Options of one source that let it get by without a signature. */
const UNSIGNED = ['trusted', 'allow-insecure', 'allow-weak', 'allow-downgrade-to-insecure'];
/** The same for all sources, and for the server's certificate; apt.conf(5). */
const UNGUARDED =
  /^[^#/\n]*\b(AllowUnauthenticated|AllowInsecureRepositories|AllowDowngradeToInsecureRepositories|Verify-(?:Peer|Host))\b[\s"]+(\w+)/gm;

export const packageSources: OfflineCheck = {
  ...OFFLINE,
  name: 'package-sources',
  protects: 'Updates come only from where the factory file says, and only signed by keys that belong there.',
  async look(image) {
    const { content } = image;
    const places = await placesOf(image);
    const keys = await foreignKeys(image);
    const findings = [
      ...keys.map(path => ({ what: path, why: 'a key of no package and no repository of ours' })),
    ];
    let count = 0;
    for (const path of sourceFiles(content)) {
      for (const source of parseAptSources(path, (await content.text(path)) ?? '')) {
        count++;
        findings.push(...complaints(path, source, places));
        findings.push(...(await keyComplaints(image, path, source)));
      }
    }
    findings.push(...(await unguarded(content)));
    if (count === 0)
      findings.push({ what: '/etc/apt', why: 'it names no package source: nothing would be updated' });
    return { findings, seen: `${count} package sources, all signed and expected` };
  },
};

function sourceFiles(content: ImageContent): string[] {
  const folder = content.below('/etc/apt/sources.list.d');
  return ['/etc/apt/sources.list', ...folder.filter(path => /\.(list|sources)$/.test(path))];
}

/** Addresses that sources may begin with. */
async function placesOf({ content, line }: ImageUnderTest): Promise<string[]> {
  const own = publicMirror((await content.text('/etc/cloud/cloud.cfg')) ?? '');
  const { image } = line.mirror;
  const mirrors =
    image === undefined ? [own?.archive, own?.security] : [image, `${image.replace(/\/+$/, '')}-security`];
  const kept = line.repositories.filter(each => each.image === 'keep').map(each => each.uri);
  return [...mirrors.filter(each => each !== undefined), ...kept].map(plain);
}

function complaints(path: string, { uris, options }: AptSource, places: readonly string[]): Finding[] {
  const unsigned = UNSIGNED.filter(name => /^(yes|true|1|force)$/i.test(options.get(name) ?? ''));
  // Whether the scheme is http makes no difference to apt, which goes by signatures.
  const unexpected = uris.filter(uri => !places.includes(plain(uri)));
  return [
    ...unsigned.map(name => ({ what: path, why: `${name} lets packages in without a signature` })),
    ...unexpected.map(uri => ({ what: path, why: `${uri} is no mirror or repository of the factory file` })),
  ];
}

function plain(uri: string): string {
  return uri.replace(/^https?:/, '').replace(/\/+$/, '');
}

async function keyComplaints(
  image: ImageUnderTest,
  path: string,
  { options }: AptSource,
): Promise<Finding[]> {
  const signed = options.get('signed-by');
  // Without the option, the keys of trusted.gpg.d count, which are looked at in any case.
  if (signed === undefined) return [];
  if (signed.includes('PGP PUBLIC KEY')) return [{ what: path, why: 'it carries a key of its own' }];
  const unknown: string[] = [];
  for (const key of signed.split(/[\s,]+/)) {
    if (key.startsWith('/') && !(await isKnownKey(image, key))) unknown.push(key);
  }
  return unknown.map(key => ({
    what: path,
    why: `it is signed by ${key}, which is no key of a package or a repository of ours`,
  }));
}

async function isKnownKey({ content, line, packageFiles }: ImageUnderTest, path: string): Promise<boolean> {
  const entry = content.file(path);
  if (entry === undefined) return false;
  const ours = line.repositories.some(
    ({ name, image }) => image === 'keep' && path === `/etc/apt/keyrings/${name}.asc`,
  );
  return ours || (await packageFiles()).verbatim.has(entry.path);
}

async function foreignKeys(image: ImageUnderTest): Promise<string[]> {
  const paths = TRUSTED.flatMap(each => [each, ...image.content.below(each)]);
  const foreign: string[] = [];
  for (const path of paths) {
    const isFile = (image.content.file(path)?.size ?? 0) > 0;
    if (isFile && !(await isKnownKey(image, path))) foreign.push(path);
  }
  return foreign;
}

async function unguarded(content: ImageContent): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of ['/etc/apt/apt.conf', ...content.below('/etc/apt/apt.conf.d')]) {
    for (const [, name = '', value = ''] of ((await content.text(path)) ?? '').matchAll(UNGUARDED)) {
      const bad = name.startsWith('Verify') ? /^(false|no|0)$/i : /^(true|yes|1)$/i;
      if (bad.test(value)) findings.push({ what: path, why: `${name} ${value} takes what nobody signed` });
    }
  }
  return findings;
}
