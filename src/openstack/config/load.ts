import { alternatives, closest } from '../../definition/words.ts';
import type { Context } from '../../host/context.ts';
import { DefinitionError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { cloudFromEnvironment, describingVariables, selected } from './environment.ts';
import { type ConfigFile, findConfigFile } from './files.ts';
import { toCloudConfig } from './resolve.ts';
import { isTable, mergeTables, type Table, table, word } from './tree.ts';
import type { CloudConfig } from './types.ts';

export interface CloudChoice {
  /** Name of an entry in clouds.yaml; without one OS_CLOUD, then the OS_* variables, then the only entry count. */
  readonly cloud?: string | undefined;
  readonly region?: string | undefined;
}

/**
 * Reads a cloud as every client of OpenStack does: clouds.yaml with secure.yaml and clouds-public.yaml along the
 * search path, or OS_* variables.
 * @param directory stands for the current one
 * @throws DefinitionError in one line: no such cloud (with the nearest name), what is missing or refused
 */
export async function loadCloud(
  context: Pick<Context, 'env' | 'log'>,
  choice: CloudChoice,
  directory: string,
): Promise<CloudConfig> {
  const { env } = context;
  const name = choice.cloud ?? (env.OS_CLOUD || undefined);
  const variables = describingVariables(env);
  if (name === undefined && variables.length > 0) {
    return finish(context, cloudFromEnvironment(env), 'the cloud of the OS_* variables', choice);
  }
  const file = await findConfigFile(env, directory, 'clouds');
  const clouds = file === undefined ? {} : table(file.content, 'clouds', file.path);
  const chosen = name ?? onlyOne(clouds, file);
  const own = clouds[chosen];
  if (!isTable(own)) throw unknownCloud(chosen, clouds, file);
  if (variables.length > 0) {
    context.log.warn(`${alternatives(variables)} set beside the cloud ${chosen}: not used`);
  }
  const where = `cloud ${chosen} in ${file?.path}`;
  const secure = await findConfigFile(env, directory, 'secure');
  const secrets =
    secure === undefined ? {} : table(table(secure.content, 'clouds', secure.path), chosen, secure.path);
  const profile = await profileOf(env, directory, own, where);
  return finish(context, mergeTables(profile, own, secrets, selected(env)), where, choice);
}

function finish(
  context: Pick<Context, 'log'>,
  entry: Table,
  label: string,
  choice: CloudChoice,
): CloudConfig {
  const config = toCloudConfig(entry, label, choice.region);
  const { credential } = config;
  for (const key of ['password', 'secret', 'token'] as const) {
    const secret: unknown = key in credential ? credential[key as keyof typeof credential] : undefined;
    if (typeof secret === 'string') context.log.secret(secret);
  }
  return config;
}

function onlyOne(clouds: Table, file: ConfigFile | undefined): string {
  const names = Object.keys(clouds);
  const [only, ...more] = names;
  if (only !== undefined && more.length === 0) return only;
  throw new DefinitionError('no cloud was named', {
    advice:
      file === undefined
        ? 'write a clouds.yaml and set OS_CLOUD, or set OS_AUTH_URL and its like'
        : `set OS_CLOUD to ${alternatives(names)} of ${file.path}`,
  });
}

function unknownCloud(name: string, clouds: Table, file: ConfigFile | undefined): DefinitionError {
  const shown = clean(name);
  if (file === undefined) {
    return new DefinitionError(`there is no clouds.yaml in which to look for the cloud ${shown}`, {
      advice: 'write one here, in ~/.config/openstack or in /etc/openstack, or set OS_CLIENT_CONFIG_FILE',
    });
  }
  const meant = closest(name, Object.keys(clouds));
  return new DefinitionError(`${file.path} has no cloud ${shown}`, {
    advice: meant === undefined ? `it has ${alternatives(Object.keys(clouds))}` : `did you mean ${meant}?`,
  });
}

async function profileOf(env: Context['env'], directory: string, own: Table, where: string): Promise<Table> {
  const name = word(own, 'profile', where) ?? word(own, 'cloud', where);
  if (name === undefined) return {};
  const file = await findConfigFile(env, directory, 'clouds-public');
  const profiles = file === undefined ? {} : table(file.content, 'public-clouds', file.path);
  const profile = profiles[name];
  if (isTable(profile)) return profile;
  const meant = closest(name, Object.keys(profiles));
  throw new DefinitionError(`the profile ${clean(name)} of ${where} is in no clouds-public.yaml`, {
    advice: meant === undefined ? 'this client brings no profiles: write it there' : `did you mean ${meant}?`,
  });
}
