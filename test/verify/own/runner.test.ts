import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import { CancelledError, CheckError } from '../../../src/host/errors.ts';
import { rootPrefix } from '../../../src/host/privilege.ts';
import { runUnprivileged } from '../../../src/verify/own/runner.ts';

/** Only root can become nobody; unit tests need no root. What is done through sudo is no child of ours. */
const SUDO = ['sudo', '-n', '--'];
const prefix = await rootPrefix().catch(() => undefined);
const WAYS = prefix === undefined ? [] : [...new Set([prefix.join(' '), SUDO.join(' ')])];
let root: readonly string[] = [];

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-factory-own-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function script(text: string, { timeout = 20_000, context = createContext() } = {}) {
  const own = await mkdtemp(join(folder, 'script-'));
  const path = join(own, 'check');
  await writeFile(path, text);
  await chmod(path, 0o700);
  return runUnprivileged(context, {
    ...{ path, arguments: ['127.0.0.1', '2222'], root, timeout },
  });
}

/** Command lines of all processes of this host. */
async function processes(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  return Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}

describe.each(WAYS.map(way => ({ way })))('a script on the runner, started by "$way"', ({ way }) => {
  beforeAll(() => {
    root = way.split(' ').filter(word => word !== '');
  });

  it('tells its output and status, and gets the address of the guest', async () => {
    const { status, stdout, stderr } = await script('#!/bin/sh\necho "$@"\necho oops >&2\nexit 3\n');
    expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: '127.0.0.1 2222\n', stderr: 'oops\n' });
  });

  it('has no environment, no privilege and no way to one', async () => {
    process.env.IMAGE_FACTORY_SECRET_OF_THIS_TEST = 'x';
    const { stdout } = await script(
      '#!/bin/sh\n/usr/bin/env; /usr/bin/id -u; /bin/grep -E "^(CapBnd|CapEff|NoNewPrivs|Groups)" /proc/self/status\n',
    );
    const lines = stdout.split('\n').filter(line => !/^(PWD|OLDPWD|_|SHLVL)=/.test(line));
    expect(lines.map(line => line.trim()).filter(line => line !== '')).toEqual([
      ...['65534', 'Groups:', 'CapEff:\t0000000000000000', 'CapBnd:\t0000000000000000', 'NoNewPrivs:\t1'],
    ]);
  });

  it('reads no file of ours, sees none of our processes, and leaves nothing in /tmp', async () => {
    const secret = await mkdtemp(join(folder, 'secret-'));
    await writeFile(join(secret, 'key'), 'key', { mode: 0o600 });
    const name = `left-${process.pid}`;
    const { stdout } = await script(
      `#!/bin/sh\ncat ${secret}/key && echo READ\ntouch /tmp/${name}\nls -d /proc/[0-9]* | wc -l\n`,
    );
    expect(stdout).not.toContain('READ');
    expect(Number(stdout)).toBeLessThan(12);
    expect(await readdir('/tmp')).not.toContain(name);
  });

  it('takes what it started along when it ends', async () => {
    await script('#!/bin/sh\nsetsid sleep 7411 > /dev/null 2>&1 &\nexit 0\n');
    await expect.poll(async () => (await processes()).join('\n')).not.toContain('7411');
  });

  it('is ended when it takes too long, or when the job is cancelled', async () => {
    const endless = '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 7412; done\n';
    await expect(script(endless, { timeout: 1500 })).rejects.toThrow(
      new CheckError('it did not end within 1.5 s'),
    );
    const abort = new AbortController();
    const running = script(endless, { context: createContext({ signal: abort.signal }) });
    const refused = expect(running).rejects.toThrow(CancelledError);
    setTimeout(() => abort.abort(), 1000);
    await refused;
    await expect.poll(async () => (await processes()).join('\n')).not.toContain('7412');
  });
});
