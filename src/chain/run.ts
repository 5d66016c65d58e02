import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import type { RunRequest, RunResult } from './types.ts';

export async function run(_context: Context, _request: RunRequest): Promise<RunResult> {
  throw new HostError('run is not built yet');
}
