import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/host/process.ts';

/** Of everything in the element, so that its commit is the same each time. */
const AUTHOR = ['-c', 'user.name=Nobody', '-c', 'user.email=nobody@example.org'];
const DATE = '2026-01-01T00:00:00Z';

/**
 * Lays out an element `sources` that fetches a git repository and a tar archive, both from beside itself.
 * @returns commit of the repository
 */
export async function laySources(elements: string): Promise<string> {
  const folder = join(elements, 'sources');
  const repository = join(elements, '.repository');
  await mkdir(repository, { recursive: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(repository, 'tool'), 'by git\n');
  await writeFile(join(folder, 'element-deps'), 'source-repositories\n');
  await writeFile(
    join(folder, 'source-repository-sources'),
    'tool git /opt/tool $TMP_HOOKS_PATH/sources.bundle main\n' +
      'data tar /opt/data file://$TMP_HOOKS_PATH/sources.tar.gz .\n',
  );
  await run(['tar', '-C', repository, '-czf', join(folder, 'sources.tar.gz'), 'tool']);
  const git = (...words: string[]) =>
    run(['git', '-C', repository, ...AUTHOR, ...words], {
      env: { ...process.env, GIT_AUTHOR_DATE: DATE, GIT_COMMITTER_DATE: DATE },
    });
  await git('init', '-q', '--initial-branch=main');
  await git('add', 'tool');
  await git('commit', '-q', '-m', 'A tool');
  await git('bundle', 'create', '-q', join(folder, 'sources.bundle'), 'main');
  const { stdout } = await git('rev-parse', 'HEAD');
  await rm(repository, { recursive: true });
  return stdout.trim();
}
