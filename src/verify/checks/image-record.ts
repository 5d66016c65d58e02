import { CheckError } from '../../host/errors.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

export const imageRecord: GuestCheck = {
  kind: 'guest',
  name: 'image-record',
  protects:
    'The cloud knows what the image is and needs, so that it starts it on a host and flavor on which it runs.',
  severity: 'required',
  places: ['cloud'],
  async run({ machine }) {
    if (machine.cloud === undefined) throw new NotApplicable('the machine is not in a cloud');
    const image = await machine.cloud.image();
    const wanted = Object.entries(machine.cloud.wanted);
    const wrong = wanted.filter(([key, value]) => image.properties[key] !== value);
    if (wrong.length > 0) {
      const all = wrong.map(
        ([key, value]) => `${key} is ${image.properties[key] ?? 'not there'}, not ${value}`,
      );
      throw new CheckError(`the image ${image.id} is described wrongly: ${all.join('; ')}`);
    }
    if (image.minDisk === 0 || image.minRam === 0) {
      throw new CheckError(`the image ${image.id} does not say what it needs`, {
        advice: 'without min_disk and min_ram a customer can start it where it does not fit',
      });
    }
    return `${wanted.length} properties, min_disk ${image.minDisk} GiB, min_ram ${image.minRam} MiB`;
  },
};
