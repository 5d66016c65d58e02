import { derivedUuid } from './layout.ts';

/** One installed package, from dpkg's own database. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Name and version of the source package. */
  readonly source: string;
}

/** The installed packages of /var/lib/dpkg/status, sorted by name; format: deb822, see dpkg(1). */
export function parseDpkgStatus(text: string): InstalledPackage[] {
  return text
    .split(/\n\n+/)
    .map(fieldsOf)
    .filter(fields => fields.get('Status')?.endsWith(' installed'))
    .map(fields => {
      const name = fields.get('Package') ?? '';
      const version = fields.get('Version') ?? '';
      const [, source = name, sourceVersion = version] =
        /^(\S+)(?: \((.*)\))?$/.exec(fields.get('Source') ?? '') ?? [];
      return {
        name,
        version,
        architecture: fields.get('Architecture') ?? '',
        source: `${source} ${sourceVersion}`,
      };
    })
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function key(each: InstalledPackage): string {
  return `${each.name}:${each.architecture}`;
}

function fieldsOf(paragraph: string): Map<string, string> {
  const rows = paragraph.split('\n').map(row => /^([A-Za-z-]+): ?(.*)$/.exec(row));
  return new Map(rows.flatMap(match => (match ? [[match[1] ?? '', match[2] ?? '']] : [])));
}

/** `core/packages.txt`: name, version and architecture, one package a line. */
export function packageList(packages: readonly InstalledPackage[]): string {
  return packages.map(each => `${each.name} ${each.version} ${each.architecture}\n`).join('');
}

export interface SbomSubject {
  readonly image: string;
  readonly version: string;
  readonly distribution: string;
  readonly release: string;
  readonly inputDigest: string;
  /** Seconds since 1970. */
  readonly epoch: number;
}

/** `core/sbom.spdx.json`: SPDX 2.3 with one package for each installed one, and package URLs to match by. */
export function spdx(packages: readonly InstalledPackage[], subject: SbomSubject): string {
  const entries = packages.map((each, index) => spdxPackage(each, index, subject));
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${subject.image}-${subject.version}`,
    documentNamespace: `urn:uuid:${derivedUuid(`${subject.inputDigest} ${subject.image} ${subject.version} sbom`)}`,
    creationInfo: {
      created: new Date(subject.epoch * 1000).toISOString().replace('.000Z', 'Z'),
      creators: ['Tool: image-factory'],
    },
    packages: entries,
    relationships: entries.map(each => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relationshipType: 'DESCRIBES',
      relatedSpdxElement: each.SPDXID,
    })),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

function spdxPackage(each: InstalledPackage, index: number, subject: SbomSubject) {
  // A package URL keeps the colon of an epoch as it is.
  const version = encodeURIComponent(each.version).replaceAll('%3A', ':');
  const qualifiers = `arch=${each.architecture}&distro=${subject.distribution}-${subject.release}`;
  return {
    SPDXID: `SPDXRef-Package-${index + 1}-${each.name.replace(/[^A-Za-z0-9.-]/g, '-')}`,
    name: each.name,
    versionInfo: each.version,
    sourceInfo: `source package ${each.source}`,
    supplier: 'NOASSERTION',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:deb/${subject.distribution}/${encodeURIComponent(each.name)}@${version}?${qualifiers}`,
      },
    ],
  };
}
