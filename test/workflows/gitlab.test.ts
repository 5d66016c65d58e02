import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { understand } from '../../actions/cli.ts';
import { DOTENV_FILE, SUMMARY_FILE } from '../../src/runner/gitlab.ts';
import { textOf } from './support.ts';

interface GitLabJob {
  readonly extends?: string;
  readonly stage?: string;
  readonly script?: readonly string[];
  readonly needs?: readonly (string | { job: string })[];
  readonly environment?: string;
  readonly rules?: readonly unknown[];
  readonly cache?: { readonly key: string; readonly paths: readonly string[]; readonly policy: string };
  readonly artifacts?: { readonly paths: readonly string[]; readonly reports?: { readonly dotenv: string } };
}

const KEYWORDS = new Set(['stages', 'workflow', 'variables', 'default']);
const file = parse(textOf('examples/gitlab-ci.yml')) as Readonly<Record<string, GitLabJob>> & {
  stages: string[];
  variables: Readonly<Record<string, string>>;
};
const jobs = Object.keys(file).filter(name => !KEYWORDS.has(name) && !name.startsWith('.'));

/** A job with what it extends, the nearest word first; lists replace, as in GitLab. */
function resolved(name: string): GitLabJob {
  const job = file[name];
  if (job === undefined) throw new Error(`nobody defines ${name}`);
  return job.extends === undefined ? job : { ...resolved(job.extends), ...job };
}

const needsOf = (name: string) =>
  (resolved(name).needs ?? []).map(need => (typeof need === 'string' ? need : need.job));

describe('examples/gitlab-ci.yml', () => {
  it.each(jobs)('%s has a stage that there is, and needs only earlier jobs', name => {
    const stageOf = (job: string) => file.stages.indexOf(resolved(job).stage ?? '');
    expect(stageOf(name)).toBeGreaterThanOrEqual(0);
    for (const need of needsOf(name)) expect(stageOf(need)).toBeLessThan(stageOf(name));
  });

  it.each(jobs)('%s gives the command line words it understands', async name => {
    const lines = (resolved(name).script ?? []).filter(line => line.startsWith('$IMAGE_FACTORY '));
    expect(lines).toHaveLength(1);
    for (const line of lines) {
      const words = line
        .replace(/\$(\w+)/g, (all, variable: string) => file.variables[variable] ?? all)
        .replaceAll('"', '')
        .split(/\s+/)
        .slice(1);
      const chosen = await understand(words, () => {});
      expect(() => chosen?.work.prepare(chosen.source)).not.toThrow();
    }
  });

  it('takes the steps of the chain one after the other', () => {
    const chain = jobs.filter(name => name.endsWith(' debian-12') && !name.startsWith('layers '));
    expect(chain.map(name => resolved(name).stage)).toEqual([
      'build',
      'verify',
      'sign',
      'staging',
      'production',
    ]);
    chain.forEach((name, index) => {
      expect(needsOf(name)).toEqual([index === 0 ? 'plan' : chain[index - 1]]);
    });
  });

  it('gives no key to the job that runs elements, and lets it set no variable of a later one', () => {
    const build = resolved('build debian-12');
    expect(JSON.stringify(build)).not.toMatch(/KEY|PASSPHRASE/);
    for (const name of ['build debian-12', 'verify debian-12', 'sign debian-12']) {
      expect(resolved(name).artifacts?.reports).toBeUndefined();
    }
  });

  it('signs layers where nothing is built, only when that is asked for, and where the next build finds them', () => {
    const [build, layers] = [resolved('build debian-12'), resolved('layers debian-12')];
    expect(needsOf('layers debian-12')).toEqual(['build debian-12']);
    expect(file.variables.COLD).toBe('true');
    expect(layers.rules).toEqual([{ if: '$COLD == "false"' }]);
    expect(layers.script?.join()).toMatch(/^\$IMAGE_FACTORY sign-layers layers /);
    expect(layers.cache).toEqual({ ...build.cache, policy: 'push' });
    expect(build.cache?.policy).toBe('pull');
  });

  it('gives no cache to the jobs that verify, sign and promote', () => {
    for (const name of jobs.filter(each => !/^(build|layers) /.test(each)))
      expect(resolved(name)).not.toHaveProperty('cache');
    expect(file).not.toHaveProperty('cache');
    expect(file).not.toHaveProperty('default');
  });

  it('names the files that the runner writes', () => {
    for (const name of ['plan', 'release debian-12']) {
      const { artifacts } = resolved(name);
      expect(artifacts?.reports?.dotenv).toBe(DOTENV_FILE);
      expect(artifacts?.paths).toContain(SUMMARY_FILE);
    }
  });

  it('keeps each key in an environment of its own', () => {
    const environments = ['layers', 'verify', 'sign', 'stage', 'release'].map(
      word => resolved(`${word} debian-12`).environment,
    );
    expect(environments).toEqual(['layers', 'verify', 'release', 'staging', 'production']);
  });
});
