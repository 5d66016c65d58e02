import type { Context } from '../../host/context.ts';
import { AUTH_KEYS } from './keys.ts';
import type { Table } from './tree.ts';

/** Variables that choose or colour a cloud and do not describe one. */
const SELECTORS = new Set([
  'OS_CLOUD',
  'OS_REGION_NAME',
  'OS_INTERFACE',
  'OS_CACERT',
  'OS_CLIENT_CONFIG_FILE',
  'OS_CLIENT_SECURE_FILE',
  'OS_CLIENT_VENDOR_FILE',
]);

/** What the OS_* variables say, in the shape of an entry of clouds.yaml. */
export function cloudFromEnvironment(env: Context['env']): Table {
  const auth: Record<string, string> = Object.create(null);
  const entry: Record<string, string | Table> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('OS_') || !value || name === 'OS_CLOUD' || name.startsWith('OS_CLIENT_')) continue;
    const key = name.slice('OS_'.length).toLowerCase();
    if (AUTH_KEYS.has(key)) auth[key] = value;
    else entry[key] = value;
  }
  return Object.keys(auth).length === 0 ? entry : { ...entry, auth };
}

/** The variables that describe a cloud of their own. */
export function describingVariables(env: Context['env']): string[] {
  return Object.keys(env)
    .filter(name => name.startsWith('OS_') && !SELECTORS.has(name) && env[name])
    .filter(name => AUTH_KEYS.has(name.slice('OS_'.length).toLowerCase()))
    .sort();
}

/** What the selecting variables change in an entry that a file holds. */
export function selected(env: Context['env']): Table {
  const { OS_REGION_NAME: region_name, OS_INTERFACE: chosen, OS_CACERT: cacert } = env;
  return { region_name, interface: chosen, cacert };
}
