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
  places: ['runner', 'store'],
  asks: () => [ROUTES],
  async run(guest) {
    const { told } = guest.machine;
    if (told === undefined) throw new NotApplicable('which router this place hands out is not known');
    const routes = await askedLines(guest, ROUTES);
    const others = routes.filter(line => !line.startsWith(`default via ${told.router} `));
    if (routes.length === 0) throw new CheckError('there is no default route');
    if (others.length > 0) throw new CheckError(`the default route is not ${told.router}: ${others[0]}`);
    return `default route via ${told.router}`;
  },
};
