import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import { type GuestCheck, NotApplicable } from '../types.ts';

const ROUTES = 'ip -4 route show default';

export const route: GuestCheck = {
  kind: 'guest',
  name: 'route',
  protects:
    'What is not in the own network goes through the router that the network names, and through no other.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [ROUTES],
  async run(guest) {
    const router = guest.machine.told?.router;
    if (router === undefined) throw new NotApplicable('which router this place hands out is not known');
    const routes = await askedLines(guest, ROUTES);
    const others = routes.filter(line => !line.startsWith(`default via ${router} `));
    if (routes.length === 0) throw new CheckError('there is no default route');
    if (others.length > 0) throw new CheckError(`the default route is not ${router}: ${others[0]}`);
    return `default route via ${router}`;
  },
};
