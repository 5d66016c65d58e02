import { checkImages } from '../images.ts';
import type { OfflineCheck } from '../types.ts';

export const images: OfflineCheck = {
  kind: 'offline',
  name: 'images',
  protects:
    'Every form is the same disk, its documents tell the truth, and nothing in it ties a server to the build.',
  severity: 'required',
  places: ['runner'],
  run: checkImages,
};
