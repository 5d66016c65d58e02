import { resolve } from 'node:path';
import type { CloudPlacement } from '../boot/nova/types.ts';
import type { Firmware } from '../boot/types.ts';
import type { ImageFile, Manifest } from '../bundle/types.ts';
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

/** How a bundle's image is started in a cloud. */
export function cloudPlacement(
  { session, name }: OpenCloud,
  request: VerifyRequest,
  manifest: Manifest,
  {
    file,
    configDrive,
    budget,
  }: Pick<CloudPlacement, 'configDrive' | 'budget'> & { readonly file: ImageFile },
): CloudPlacement {
  const { cloudImage: id, flavor, network, floatingNetwork, zone, keep = 0 } = request;
  const { minimum } = manifest;
  const properties = imageProperties(manifest, request.firmware);
  return {
    ...{ session, name },
    image: { id, name: `${manifest.image} ${manifest.version}, being verified`, file, properties, minimum },
    wishes: { flavor, network, floatingNetwork, zone },
    ...{ budget, configDrive, keep },
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
