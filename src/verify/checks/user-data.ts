import { createHash } from 'node:crypto';
import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import type { GuestCheck } from '../types.ts';
import { CARRIED_OUT, USER_DATA } from '../user-data.ts';

const WRITTEN = `head -c 4096 ${USER_DATA}`;
const RUN = `head -c 4096 ${CARRIED_OUT}`;

export const userData: GuestCheck = {
  kind: 'guest',
  name: 'user-data',
  protects: 'What a customer hands over as user-data reaches the server and is carried out.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [WRITTEN, RUN],
  async run(guest) {
    const { nonce, cloudInit } = guest;
    if (cloudInit.status === 'error') throw new CheckError(`cloud-init failed: ${cloudInit.detail}`);
    const text = await asked(guest, WRITTEN);
    if (text !== nonce) throw new CheckError(`${USER_DATA} does not hold what user-data wrote there`);
    const digest = (await asked(guest, RUN)).split(' ')[0];
    if (digest !== createHash('sha256').update(nonce).digest('hex')) {
      throw new CheckError(`the command in user-data was not carried out: ${CARRIED_OUT} has another digest`);
    }
    const note = cloudInit.status === 'degraded' ? `; cloud-init is degraded: ${cloudInit.detail}` : '';
    return `user-data wrote its file and ran its command${note}`;
  },
};
