import { runAction } from './action.ts';
import { runCommandLine } from './cli.ts';
import { runPost } from './post.ts';

/** What each file of dist/ calls. @param entry its name: `cli`, `post`, or the folder of an action */
export function start(entry: string): Promise<never> {
  if (entry === 'cli') return runCommandLine(process.argv.slice(2));
  if (entry === 'post') return runPost();
  return runAction(entry);
}
