import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../src/host/process.ts';
import { inTemporary } from '../host/support.ts';
import { writeTree } from './support.ts';

/** Our element for hosts without diskimage-builder. */
const SCRIPT = resolve('elements/install-types/extra-data.d/99-enable-install-types');

it.each<[string, Record<string, string>, string[]]>([
  ['by default from source', {}, ['10-own', '50-agent-source', '50-web-app-source', '60-agent-source']],
  [
    'all as packages',
    { DIB_DEFAULT_INSTALLTYPE: 'package' },
    ['10-own', '50-agent-package', '50-web-app-package'],
  ],
  [
    'one as a package',
    { DIB_INSTALLTYPE_web_app: 'package' },
    ['10-own', '50-agent-source', '50-web-app-package', '60-agent-source'],
  ],
  ['one in a way that it does not have', { DIB_INSTALLTYPE_agent: 'none' }, ['10-own', '50-web-app-source']],
])('installs elements %s', (_how, given, wanted) =>
  inTemporary(async hooks => {
    await writeTree(hooks, {
      'install.d/10-own': '',
      'install.d/agent-source-install/50-agent-source': '',
      'install.d/agent-source-install/60-agent-source': '',
      'install.d/agent-package-install/50-agent-package': '',
      'install.d/web-app-source-install/50-web-app-source': '',
      'install.d/web-app-package-install/50-web-app-package': '',
    });
    const env = { PATH: '/usr/bin:/bin', TMP_HOOKS_PATH: hooks, DIB_DEFAULT_INSTALLTYPE: 'source', ...given };
    await run([SCRIPT], { env });
    const found = await readdir(join(hooks, 'install.d'), { withFileTypes: true });
    expect(
      found
        .filter(each => !each.isDirectory())
        .map(each => each.name)
        .sort(),
    ).toEqual(wanted);
  }),
);

it('has nothing to do where no element can be installed in several ways', () =>
  inTemporary(async hooks => {
    await writeTree(hooks, { 'install.d/10-own': '' });
    await run([SCRIPT], {
      env: { PATH: '/usr/bin:/bin', TMP_HOOKS_PATH: hooks, DIB_DEFAULT_INSTALLTYPE: 'source' },
    });
    expect(await readdir(join(hooks, 'install.d'))).toEqual(['10-own']);
  }));
