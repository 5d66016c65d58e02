import { alternatives, closest } from '../definition/words.ts';
import { CloudError, DefinitionError } from '../host/errors.ts';
import type { CloudConfig, ServiceType } from './config/types.ts';
import type { CatalogueEntry } from './token.ts';

/** The version each API is used in, appended to an address that names none. */
const VERSIONS: Readonly<Record<ServiceType, string>> = {
  identity: 'v3',
  image: 'v2',
  compute: 'v2.1',
  network: 'v2.0',
};

/**
 * The address of a service, with its version.
 * @throws DefinitionError when the region is not in the catalogue, or several are and none was chosen;
 *   CloudError when the cloud has no such service
 */
export function endpointOf(
  config: CloudConfig,
  catalogue: readonly CatalogueEntry[],
  type: ServiceType,
): string {
  const told = config.endpoints[type];
  if (told !== undefined) return versioned(told, type);
  const entries = catalogue.filter(each => each.type === type).flatMap(each => each.endpoints);
  const kind = config.interfaces[type] ?? config.interface;
  const region = config.region ?? onlyRegion(config, catalogue);
  const found = entries.find(each => each.interface === kind && each.region === region);
  if (found !== undefined) return versioned(found.url, type);
  throw notThere(config, catalogue, type, kind, region);
}

function regionsOf(catalogue: readonly CatalogueEntry[]): string[] {
  return [...new Set(catalogue.flatMap(each => each.endpoints.map(({ region }) => region)))].sort();
}

function onlyRegion(config: CloudConfig, catalogue: readonly CatalogueEntry[]): string {
  const [only, ...more] = regionsOf(catalogue);
  if (only !== undefined && more.length === 0) return only;
  if (only === undefined) {
    throw new CloudError(`the token of ${config.label} brings no catalogue of services`, {
      advice: 'scope it to a project, or set the endpoint overrides',
    });
  }
  throw new DefinitionError(`${config.label} has several regions and none is chosen`, {
    advice: `set region_name to ${alternatives([only, ...more])}`,
  });
}

function notThere(
  config: CloudConfig,
  catalogue: readonly CatalogueEntry[],
  type: ServiceType,
  kind: string,
  region: string,
): Error {
  const regions = regionsOf(catalogue);
  if (!regions.includes(region)) {
    const meant = closest(region, regions);
    return new DefinitionError(`${config.label} has no region ${region}`, {
      advice: meant === undefined ? `it has ${alternatives(regions)}` : `did you mean ${meant}?`,
    });
  }
  const elsewhere = catalogue
    .filter(each => each.type === type)
    .flatMap(each => each.endpoints)
    .map(each => `${each.interface} in ${each.region}`);
  return new CloudError(`${config.label} has no ${kind} endpoint of the ${type} service in ${region}`, {
    advice:
      elsewhere.length === 0
        ? `its catalogue has no ${type} service at all`
        : `it has ${alternatives(new Set(elsewhere))}`,
  });
}

/** An address without a version gets the API's. Nova's may end in the project's id, which it does not need. */
function versioned(url: string, type: ServiceType): string {
  const trimmed = url.replace(/\/+$/, '');
  const { pathname } = new URL(trimmed);
  if (!/\/v\d+(\.\d+)?(\/|$)/.test(pathname)) return `${trimmed}/${VERSIONS[type]}`;
  return type === 'compute' ? trimmed.replace(/(\/v2\.1)\/.*$/, '$1') : trimmed;
}
