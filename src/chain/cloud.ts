import { resolve } from 'node:path';
import type { CloudPlacement, Wishes } from '../boot/nova/types.ts';
import type { Firmware } from '../boot/types.ts';
import type { ImageFile, Manifest } from '../bundle/types.ts';
import type { Verification } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { loadCloud } from '../openstack/config/load.ts';
import { Session } from '../openstack/session.ts';
import type { CloudRequest, VerifyRequest } from './types.ts';

/** What Glance and Nova call an architecture. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** A login to a cloud, and the name by which verdicts and reports call it: `staging/RegionOne`. */
export interface OpenCloud {
  readonly session: Session;
  readonly name: string;
}

/** Logs in to the cloud that a request names. */
export async function openCloud(context: Context, { cloud, region }: CloudRequest): Promise<OpenCloud> {
  const config = await loadCloud(context, { cloud, region }, resolve('.'));
  const parts = [cloud ?? context.env.OS_CLOUD ?? new URL(config.authUrl).host, config.region];
  const name = parts.filter(part => part !== undefined).join('/');
  return { session: await Session.open(context, config), name };
}

/** Which cloud a verification goes to: the request's word before the factory file's. */
export function cloudOf({ cloud, region }: CloudRequest, { nova = {} }: Verification): CloudRequest {
  // A region belongs to its cloud.
  const own = cloud === undefined || cloud === nova.cloud ? nova : {};
  const chosen = { cloud: cloud ?? own.cloud, region: region ?? own.region };
  return {
    ...(chosen.cloud === undefined ? {} : { cloud: chosen.cloud }),
    ...(chosen.region === undefined ? {} : { region: chosen.region }),
  };
}

/** How a bundle's image is started in a cloud. */
export function cloudPlacement(
  { session, name }: OpenCloud,
  request: VerifyRequest,
  manifest: Manifest,
  asked: { readonly file: ImageFile; readonly configDrive: boolean; readonly verification: Verification },
): CloudPlacement {
  const { cloudImage: id, firmware, keep = 0 } = request;
  const { file, configDrive, verification } = asked;
  const { minimum } = manifest;
  const properties = imageProperties(manifest, firmware);
  return {
    ...{ session, name },
    image: { id, name: `${manifest.image} ${manifest.version}, being verified`, file, properties, minimum },
    wishes: wishesOf(request, verification),
    ...{ servers: verification.nova?.servers, budget: verification.boot, configDrive, keep },
  };
}

function wishesOf(request: VerifyRequest, { nova = {} }: Verification): Wishes {
  return {
    flavor: request.flavor ?? nova.flavor,
    network: request.network ?? nova.network,
    floatingNetwork: request.floatingNetwork ?? nova.floating,
    zone: request.zone ?? nova.zone,
  };
}

/** What a cloud is told of an image: by it schedulers choose hosts, and customers find it. */
export function imageProperties({ line }: Manifest, firmware: Firmware): Record<string, string> {
  return {
    architecture: ARCHITECTURES[line.architecture] ?? line.architecture,
    os_type: 'linux',
    os_distro: line.distribution,
    os_version: line.release,
    os_admin_user: line.user.name,
    ...(firmware === 'bios' ? {} : { hw_firmware_type: 'uefi', hw_machine_type: 'q35' }),
    ...(firmware === 'uefi-secure' ? { os_secure_boot: 'required' } : {}),
  };
}
