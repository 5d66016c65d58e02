import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import type { BundleCheck, CheckRequest } from './types.ts';

export async function check(_context: Context, _request: CheckRequest): Promise<BundleCheck> {
  throw new HostError('check is not built yet');
}
