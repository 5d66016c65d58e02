import type { Context } from '../host/context.ts';
import { HostError } from '../host/errors.ts';
import type { BuildRequest, BuildResult } from './types.ts';

export async function build(_context: Context, _request: BuildRequest): Promise<BuildResult> {
  throw new HostError('build is not built yet');
}
