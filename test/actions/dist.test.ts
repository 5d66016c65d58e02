import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../actions/inputs/index.ts';
import { lockDirectory } from '../../src/host/directory-lock.ts';
import { LayersUnderWay } from '../chain/layers-under-way.ts';
import { CacheService } from './cache-service.ts';
import { NODES, ROOT, Step, startDist } from './support.ts';

/** dist/ as GitHub's runner starts it: main, then post, each in a process of its own. */

let step: Step;
beforeEach(() => {
  step = new Step();
});
afterEach(() => step.remove());

const FACTORY = 'images:\n  debian:\n    releases: [12, 13]\n';
const actions = COMMANDS.flatMap(({ action }) => (action === undefined ? [] : [action]));

const OTHERS = { bundle: 'b', stage: 's', 'install-tools': 'ja' };

/** A wrong input of an action, and what is told of it, where it has not those of the others. */
const WRONG: Readonly<Record<string, readonly [Readonly<Record<string, string>>, string]>> = {
  plan: [{ images: 'debian-31' }, '.*debian-31.*'],
  'sign-layers': [{ folder: 'a\nb' }, 'input folder has more than one line'],
};

/** A process that is surely dead, named as work directories name their owner. */
const DEAD = '.image-factory-999999999-1-0badcafe';

describe.each(NODES)('under %s', node => {
  it('plan gives a matrix and a page', async () => {
    writeFileSync(join(step.directory, 'factory.yaml'), FACTORY);
    const { status, stdout } = await step.start(node, 'plan', { images: 'debian-13' }).ended;
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const { matrix, matrices, count } = step.read('output');
    const leg = { image: 'debian-13', architecture: 'amd64', runner: 'ubuntu-24.04' };
    expect(JSON.parse(matrix ?? '')).toEqual({ include: [leg] });
    expect(JSON.parse(matrices ?? '')).toEqual([{ include: [leg] }]);
    expect(count).toBe('1');
    expect(step.summary).toContain('## Plan: 1 image\n');
    expect(step.summary).toContain('| debian-13 | amd64 | ubuntu-24.04 |');
  });

  it('plan marks every mistake of a factory file', async () => {
    writeFileSync(
      join(step.directory, 'factory.yaml'),
      'images:\n  debian:\n    releases: [12]\n    packges: []\n  x: 1\n',
    );
    const { status, stdout } = await step.start(node, 'plan').ended;
    expect(status).toBe(2);
    expect(stdout).toMatch(/^::error file=factory\.yaml,line=4,col=5::/m);
    expect(stdout).toMatch(/^::error file=factory\.yaml,line=5,col=\d+::/m);
  });

  it.each(actions)('%s tells a wrong input in one line with status 2', async action => {
    writeFileSync(join(step.directory, 'factory.yaml'), FACTORY);
    const [wrong = OTHERS, told = 'input install-tools is "ja".*'] = WRONG[action] ?? [];
    const { status, stdout, stderr } = await step.start(node, action, wrong).ended;
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^::error::${told}\n$`));
  });

  it('sign-layers signs, and post saves for later jobs what it has signed', async () => {
    const layers = await new LayersUnderWay().open();
    const service = await CacheService.open();
    const { folder, factory, hands } = layers;
    try {
      const env = { ...service.environment(step.temp), XDG_CACHE_HOME: join(step.directory, 'cache') };
      const job = new Step({ workspace: step.directory, env });
      const inputs = { folder, factory, image: 'debian-12', 'signing-key': hands.layers.secret };
      expect(await job.start(node, 'sign-layers', inputs).ended).toMatchObject({ status: 0, stderr: '' });
      expect(job.read('output')).toEqual({ count: '2', fingerprint: hands.layers.signing.fingerprint });
      expect(service.entries).toEqual([]);
      expect(await job.start(node, 'post').ended).toMatchObject({ status: 0, stderr: '' });
      job.remove();
    } finally {
      service.close();
      await layers.close();
    }
    expect(service.entries).toMatchObject([
      { key: expect.stringMatching(/^image-factory-signed-layers-debian-12-[0-9a-f]{64}$/), whole: true },
    ]);
  });

  it('post with nothing to do does nothing', async () => {
    expect(await step.start(node, 'post').ended).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('post removes what a killed main left, and nothing of a live one', async () => {
    const output = join(step.directory, 'out');
    const live = `.image-factory-${process.pid}-1-0badcafe`;
    for (const name of [DEAD, live]) mkdirSync(join(output, name), { recursive: true });
    writeFileSync(join(output, DEAD, 'disk.raw'), 'half');
    mkdirSync(join(step.temp, DEAD));
    const lock = await lockDirectory(join(output, live));
    const state = {
      action: 'build-image',
      directories: [output, step.temp, join(step.directory, 'nowhere')],
    };
    writeFileSync(join(step.directory, 'state'), `image_factory<<e\n${JSON.stringify(state)}\ne\n`);
    const { status, stdout } = await step.start(node, 'post').ended;
    if (typeof lock === 'object') await lock.release();
    expect(status).toBe(0);
    expect(stdout).toContain(`removed ${output}/${DEAD}, left by build-image\n`);
    expect(readdirSync(output)).toEqual([live]);
    expect(existsSync(join(step.temp, DEAD))).toBe(false);
  });

  it('a killed main has told post where to look', async () => {
    // Reading a pipe nobody writes to keeps main busy until it is killed.
    execFileSync('mkfifo', [join(step.directory, 'factory.yaml')]);
    const main = step.start(node, 'build-image', { output: 'out', work: 'w' });
    await vi.waitUntil(() => step.read('state').image_factory !== undefined, { timeout: 10_000 });
    main.child.kill('SIGKILL');
    expect((await main.ended).signal).toBe('SIGKILL');
    const left = [join(step.directory, 'out', DEAD), join(step.directory, 'w', DEAD), join(step.temp, DEAD)];
    for (const folder of left) mkdirSync(folder, { recursive: true });
    expect((await step.start(node, 'post').ended).status).toBe(0);
    expect(left.filter(existsSync)).toEqual([]);
  });

  it('starts without the client of the cache, which is half of all that is there to load', () => {
    const dist = join(step.directory, 'dist');
    const chunk = (name: string) => /^\d+\.index\.js$/.test(name);
    cpSync(join(ROOT, 'dist'), dist, { recursive: true, filter: path => !chunk(basename(path)) });
    writeFileSync(join(step.directory, 'package.json'), readFileSync(join(ROOT, 'package.json')));
    const told = execFileSync(node, [join(dist, 'cli.js'), 'plan', '--help'], { encoding: 'utf8' });
    expect(told).toContain('image-factory plan');
    expect(readdirSync(join(ROOT, 'dist')).filter(chunk)).toHaveLength(1);
  });
});

it('a build does not start where it sees a credential, nor shows it', async () => {
  const { status, stderr, stdout } = await startDist(process.execPath, 'cli', {
    argv: ['build'],
    env: { OS_PASSWORD: 'hunter2' },
    cwd: step.directory,
  }).ended;
  expect(status).toBe(7);
  expect(stderr).toContain('the environment holds OS_PASSWORD');
  expect(stdout + stderr).not.toContain('hunter2');
});

it('dist/ holds one line per entry and no path of this machine', () => {
  for (const name of readdirSync(join(ROOT, 'dist'))) {
    expect(readFileSync(join(ROOT, 'dist', name), 'utf8'), name).not.toContain(ROOT);
  }
  for (const entry of [...actions, 'post', 'cli']) {
    expect(readFileSync(join(ROOT, 'dist', `${entry}.js`), 'utf8')).toBe(
      `import { start } from './index.js';\nawait start('${entry}');\n`,
    );
  }
});
