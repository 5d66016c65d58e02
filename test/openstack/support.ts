import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { type Context, createContext } from '../../src/host/context.ts';
import { loadCloud } from '../../src/openstack/config/load.ts';
import type { CloudConfig } from '../../src/openstack/config/types.ts';
import type { Upload } from '../../src/openstack/image/upload.ts';
import { Session } from '../../src/openstack/session.ts';
import type { TestCloud } from './cloud.ts';

export interface LoginOptions {
  readonly context?: Partial<Context>;
  /** Other addresses than the configured ones, such as a proxy's. */
  readonly config?: Partial<CloudConfig>;
}

/** Logs in to a test cloud by its clouds.yaml. @param name such as `builder` or `builder-production` */
export async function login(
  cloud: Pick<TestCloud, 'cloudsFile'>,
  name: string,
  { context: overrides = {}, config: more = {} }: LoginOptions = {},
): Promise<Session> {
  const context = createContext({ env: { OS_CLIENT_CONFIG_FILE: cloud.cloudsFile }, ...overrides });
  return Session.open(context, { ...(await loadCloud(context, { cloud: name }, '/')), ...more });
}

/** A file of random bytes and what is needed to upload it. */
export async function uploadOf(file: string, size: number, tags: readonly string[]): Promise<Upload> {
  const content = randomBytes(size);
  await writeFile(file, content);
  return {
    file,
    size,
    sha512: createHash('sha512').update(content).digest('hex'),
    image: { name: 'a test', diskFormat: 'raw', tags },
  };
}
