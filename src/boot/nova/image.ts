import { CloudError, TrustError } from '../../host/errors.ts';
import { getImage } from '../../openstack/image/images.ts';
import type { Image } from '../../openstack/image/types.ts';
import { uploadImage } from '../../openstack/image/upload.ts';
import type { MachineRequest } from '../types.ts';
import type { Maker } from './make.ts';
import type { CloudImage } from './types.ts';

/**
 * The image to boot, in Glance: the one that was named, or the file, uploaded as a private one.
 * @throws TrustError when the named one holds other bytes than the file, CloudError when it cannot be booted
 */
export async function provideImage(maker: Maker, request: MachineRequest, image: CloudImage): Promise<Image> {
  const glance = maker.services.session.service('image');
  if (image.id !== undefined) return assertSame(await getImage(glance, image.id), image);
  const { name, properties, minimum, file } = image;
  const { size, sha512 } = file;
  return uploadImage(glance, {
    ...{ file: request.image, size, sha512 },
    image: {
      ...{ name, properties, diskFormat: request.form, tags: maker.tags },
      ...{ minDisk: minimum.disk, minRam: minimum.memory },
    },
    intend: id => maker.intend(`image ${id}`),
  });
}

function assertSame(stored: Image, { file }: CloudImage): Image {
  if (stored.status !== 'active') {
    throw new CloudError(`the image ${stored.id} cannot be booted: it is ${stored.status}`);
  }
  const { hash } = stored;
  if (hash?.algorithm !== 'sha512') {
    throw new TrustError(
      `the cloud tells no SHA-512 of the image ${stored.id}, so that it cannot be compared`,
    );
  }
  if (hash.value === file.sha512) return stored;
  throw new TrustError(
    `the image ${stored.id} is not ${file.path}: its SHA-512 is ${hash.value.slice(0, 16)}...`,
  );
}
