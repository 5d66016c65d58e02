import { CheckError } from '../../host/errors.ts';
import { asRoot } from '../facts.ts';
import { judgeWritten } from '../hygiene/judge.ts';
import { listing, readListing } from '../hygiene/listing.ts';
import { sinceImage } from '../hygiene/running-image.ts';
import { withImage } from '../offline/open.ts';
import { summary } from '../offline/run.ts';
import type { GuestCheck } from '../types.ts';

const LISTING = asRoot(listing());
/** Milliseconds; a busy host without acceleration takes half a minute. */
const PATIENCE = 180_000;

export const hygiene: GuestCheck = {
  kind: 'guest',
  name: 'hygiene',
  protects: 'What a server writes when it starts opens no hole that its image did not have.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  alone: true,
  async run(guest) {
    const { stdout } = await guest.machine.ssh(LISTING, { timeout: PATIENCE });
    const listed = readListing(stdout);
    return withImage(guest.context, guest.bundle, async image => {
      const since = sinceImage(image.content, listed, image.manifest.epoch);
      const wrong = await judgeWritten(guest, image, since);
      if (wrong.length > 0) throw new CheckError(summary(wrong));
      const { length } = since.changed;
      return `of ${listed.length} files and folders ${length} were written since the image was made; they pass as its bytes did`;
    });
  },
};
