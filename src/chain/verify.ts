import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import type { VerifyRequest, VerifyResult } from './types.ts';

export async function verify(_context: Context, _request: VerifyRequest): Promise<VerifyResult> {
  throw new HostError('verify is not built yet');
}
