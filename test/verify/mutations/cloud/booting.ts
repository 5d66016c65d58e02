import { bootNova } from '../../../../src/boot/nova/nova.ts';
import { imageProperties } from '../../../../src/chain/cloud.ts';
import { deleteImage } from '../../../../src/openstack/image/images.ts';
import { uploadImage } from '../../../../src/openstack/image/upload.ts';
import type { Session } from '../../../../src/openstack/session.ts';
import { CHECKS } from '../../../../src/verify/checks/index.ts';
import { runSuite } from '../../../../src/verify/suite.ts';
import type { GuestCheck, Report } from '../../../../src/verify/types.ts';
import { context, requestFor, type Subject } from '../booting.ts';
import { caught } from '../laboratory.ts';
import type { CloudMutation } from './defects.ts';

/** Seconds that a guest which shares two processors with its whole cloud may take. */
const BOOT = 1200;
/** Half of the seconds for which a guest is waited for after something that has to fail. */
const PATIENCE = 240;

const IN_CLOUD = CHECKS.filter(
  (check): check is GuestCheck => check.kind === 'guest' && check.places.includes('cloud'),
);

/** Every check that there is for clouds alone. */
export const CLOUD_ONLY = IN_CLOUD.filter(({ places }) => places.every(place => place === 'cloud')).map(
  ({ name }) => name,
);

/** All that can be asked in a cloud; of those that take minutes alone, which have to see these defects. */
function askedOf(mutations: readonly CloudMutation[]): string[] {
  const wanted = mutations.flatMap(caught);
  return IN_CLOUD.filter(({ name, alone }) => alone !== true || wanted.includes(name)).map(
    ({ name }) => name,
  );
}

/** What the checks say of a specimen in a cloud, which is told of it what these defects say. */
export async function bootInCloud(
  session: Session,
  subject: Subject,
  mutations: readonly CloudMutation[],
): Promise<Report> {
  const { manifest } = subject;
  const request = await requestFor(subject, BOOT);
  const { minimum } = manifest;
  const properties = imageProperties(manifest, 'bios');
  let record = { properties, minDisk: minimum.disk, minRam: minimum.memory };
  for (const { misdescribe } of mutations) record = { ...record, ...misdescribe?.(record) };
  const glance = session.service('image');
  const { file, path } = request;
  const image = { ...record, name: 'image-factory-mutations', diskFormat: 'raw', tags: [] };
  const { id } = await uploadImage(glance, { file: path, size: file.size, sha512: file.sha512, image });
  try {
    const checks = askedOf(mutations);
    const cloud = {
      ...{ session, name: 'verifier', wishes: {}, budget: PATIENCE * 1000, keep: 0 },
      image: { id, name: image.name, file, properties, minimum },
      configDrive: checks.includes('config-drive'),
    };
    const where = { place: 'nova:verifier', placeKind: 'cloud' as const, cloud };
    return (await runSuite(context, { ...request, ...where, checks }, bootNova)).report;
  } finally {
    await deleteImage(glance, id);
  }
}
