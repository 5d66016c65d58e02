import { z } from 'zod';
import { CloudError } from '../../host/errors.ts';
import type { Call, Service } from '../service.ts';
import type { Session } from '../session.ts';

/** The newest version whose answers this client knows: Train's. */
const NEWEST = '2.79';
/** The oldest that can do what is needed: tags when a server is made. */
const OLDEST = '2.52';

/** Nova, spoken to in one microversion. */
export interface Compute {
  readonly service: Service;
  readonly microversion: string;
  /** To be sent with every request. */
  readonly headers: NonNullable<Call['headers']>;
}

const VERSION = z.object({ version: z.object({ version: z.string(), min_version: z.string() }) });

/** Agrees on a microversion. @throws CloudError when the cloud's Nova is too old or too new */
export async function openCompute(session: Session): Promise<Compute> {
  const service = session.service('compute');
  const call = { what: 'ask for the versions of the compute API', method: 'GET', path: '/' } as const;
  const { version } = (await service.call({ ...call, accept: [200], result: VERSION })).result;
  const microversion = older(version.version, NEWEST);
  if (
    older(microversion, OLDEST) !== OLDEST ||
    older(version.min_version, microversion) !== version.min_version
  ) {
    throw new CloudError(`the ${service.label} speaks ${version.min_version} to ${version.version}`, {
      advice: `this client needs one from ${OLDEST} to ${NEWEST}`,
    });
  }
  const headers = {
    'openstack-api-version': `compute ${microversion}`,
    'x-openstack-nova-api-version': microversion,
  };
  return { service, microversion, headers };
}

/** The older of two versions such as 2.9 and 2.52. */
export function older(one: string, other: string): string {
  const minor = (version: string) => {
    const [major = '', rest = ''] = version.split('.');
    return Number(major) * 10_000 + Number(rest);
  };
  return minor(one) <= minor(other) ? one : other;
}
