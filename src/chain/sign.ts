import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import type { SignRequest, SignResult } from './types.ts';

export async function sign(_context: Context, _request: SignRequest): Promise<SignResult> {
  throw new HostError('sign is not built yet');
}
