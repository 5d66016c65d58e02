import { HostError } from './errors.ts';
import { run, ToolError } from './process.ts';

/**
 * The words before a command that make root run it: none for root, `sudo -n --` for a user who may.
 * @throws HostError when neither holds
 */
export async function rootPrefix(): Promise<readonly string[]> {
  if (process.getuid?.() === 0) return [];
  try {
    await run(['sudo', '-n', 'true']);
  } catch (cause) {
    if (!(cause instanceof ToolError || cause instanceof HostError)) throw cause;
    throw new HostError('building an image needs root, and sudo does not work without a password here', {
      advice: 'run it as root, or as a user with password-less sudo',
      cause,
    });
  }
  return ['sudo', '-n', '--'];
}
