import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { alternatives, closest } from '../../definition/words.ts';
import { DefinitionError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { Auth } from './credential.ts';
import { isTable, mergeTables, type Table, type Tree, table, word } from './tree.ts';
import { type CloudConfig, INTERFACES, type Interface, SERVICE_TYPES, type ServiceType } from './types.ts';

const NO = new Set(['false', 'no', 'off', '0', 'n']);
const YES = new Set(['true', 'yes', 'on', '1', 'y']);

/**
 * Makes a typed configuration of one merged entry of clouds.yaml.
 * @param label how messages name the cloud
 * @param region the user's choice, before what the entry says
 * @throws DefinitionError
 */
export function toCloudConfig(merged: Table, label: string, region?: string): CloudConfig {
  const entry = inRegion(merged, label, region);
  const auth = new Auth(table(entry, 'auth', label), label);
  refuseInsecure(entry, label);
  const version = word(entry, 'identity_api_version', label);
  if (version !== undefined && !/^v?3(\.\d+)?$/.test(version)) {
    throw new DefinitionError(`${label} asks for version ${clean(version)} of the identity API`, {
      advice: 'use 3',
    });
  }
  const credential = auth.credential(word(entry, 'auth_type', label));
  return {
    label,
    authUrl: auth.url(),
    credential,
    scope: auth.scope(credential),
    region: word(entry, 'region_name', label),
    interface: interfaceOf(entry, ['interface', 'endpoint_type'], label) ?? 'public',
    interfaces: byService(type => interfaceOf(entry, [`${type}_interface`, `${type}_endpoint_type`], label)),
    endpoints: byService(type => endpointOf(entry, `${type}_endpoint_override`, label)),
    ca: path(word(entry, 'cacert', label)),
    certificate: certificateOf(entry, label),
  };
}

/** Takes what an entry of `regions` adds; without a choice the first one counts. */
function inRegion(entry: Table, label: string, told: string | undefined): Table {
  const regions = entry.regions;
  const name = told ?? word(entry, 'region_name', label);
  if (!Array.isArray(regions) || regions.length === 0) {
    return name === undefined ? entry : { ...entry, region_name: name };
  }
  const known = regions.map((each: Tree) => namedRegion(each, label));
  const chosen = name === undefined ? known[0] : known.find(each => each.name === name);
  if (chosen === undefined) {
    const names = known.map(each => each.name);
    const meant = closest(name ?? '', names);
    throw new DefinitionError(`${label} has no region ${clean(name ?? '')}`, {
      advice: meant === undefined ? `it has ${alternatives(names)}` : `did you mean ${meant}?`,
    });
  }
  return mergeTables(entry, chosen.values, { region_name: chosen.name });
}

function namedRegion(region: Tree, label: string): { name: string; values: Table } {
  if (typeof region === 'string') return { name: region, values: {} };
  const name = isTable(region) ? word(region, 'name', label) : undefined;
  if (!isTable(region) || name === undefined) throw new DefinitionError(`a region of ${label} has no name`);
  return { name, values: table(region, 'values', label) };
}

function refuseInsecure(entry: Table, label: string): void {
  const says = (key: string) => word(entry, key, label)?.toLowerCase() ?? '';
  for (const [key, bad] of [
    ['verify', NO],
    ['insecure', YES],
  ] as const) {
    if (!bad.has(says(key))) continue;
    throw new DefinitionError(`${label} switches the check of certificates off (${key}: ${says(key)})`, {
      advice: "name the cloud's certificate authority with cacert instead",
    });
  }
}

function interfaceOf(entry: Table, keys: readonly string[], label: string): Interface | undefined {
  for (const key of keys) {
    const text = word(entry, key, label);
    if (text === undefined) continue;
    // Older files say publicURL.
    const found = INTERFACES.find(each => each === text.replace(/URL$/, ''));
    if (found !== undefined) return found;
    throw new DefinitionError(`${key} of ${label} is "${clean(text)}"`, {
      advice: `use ${alternatives(INTERFACES)}`,
    });
  }
  return undefined;
}

function endpointOf(entry: Table, key: string, label: string): string | undefined {
  const text = word(entry, key, label);
  if (text === undefined || (URL.canParse(text) && /^https?:/.test(text))) return text;
  throw new DefinitionError(`${key} of ${label} is not an http or https address`);
}

function byService<T>(value: (type: ServiceType) => T | undefined): Partial<Record<ServiceType, T>> {
  return Object.fromEntries(
    SERVICE_TYPES.map(type => [type, value(type)] as const).filter(([, each]) => each !== undefined),
  );
}

function certificateOf(entry: Table, label: string): CloudConfig['certificate'] {
  const cert = path(word(entry, 'cert', label));
  const key = path(word(entry, 'key', label));
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw new DefinitionError(`${label} has a key and no cert`);
  return { cert, key: key ?? cert };
}

function path(text: string | undefined): string | undefined {
  return text?.replace(/^~(?=\/)/, () => homedir());
}

/** Whether a password goes over a wire that others may read. */
export function isInTheClear(authUrl: string): boolean {
  const { protocol, hostname } = new URL(authUrl);
  const host = hostname.replace(/^\[|\]$/g, '');
  const local = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  return protocol === 'http:' && !local;
}
