import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DOTENV_FILE, SUMMARY_FILE } from '../../src/runner/gitlab.ts';
import { ROOT } from './support.ts';

/** The plan job of examples/gitlab-ci.yml, as a shell runner of GitLab carries it out: from dist, by its own words. */

const example = parse(readFileSync(join(ROOT, 'examples/gitlab-ci.yml'), 'utf8')) as {
  readonly variables: Readonly<Record<string, string>>;
  readonly plan: {
    readonly script: readonly string[];
    readonly artifacts: { readonly paths: readonly string[] };
  };
};

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'project-'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

async function plan(factory: string): Promise<{ status: number; stdout: string }> {
  writeFileSync(join(project, 'factory.yaml'), factory);
  const env = {
    ...{ PATH: process.env.PATH, HOME: project, GITLAB_CI: 'true', CI: 'true', CI_PROJECT_DIR: project },
    ...{ CI_JOB_URL: 'https://gitlab.example/job/1', ...example.variables },
    IMAGE_FACTORY: join(ROOT, 'image-factory'),
  };
  const script = example.plan.script.join('\n');
  const options = { cwd: project, env };
  return promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], options).then(
    ({ stdout, stderr }) => ({ status: 0, stdout: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ status: code, stdout: stdout + stderr }),
  );
}

it('leaves the matrix for later jobs and a page for a reader', async () => {
  const { status, stdout } = await plan('images:\n  debian:\n    releases: [12, 13]\n');
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('debian-13') });
  const variables = new Map(
    readFileSync(join(project, DOTENV_FILE), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  expect([...variables.keys()]).toEqual([
    'IMAGE_FACTORY_MATRIX',
    'IMAGE_FACTORY_MATRICES',
    'IMAGE_FACTORY_COUNT',
    'IMAGE_FACTORY_DUE',
  ]);
  expect(JSON.parse(variables.get('IMAGE_FACTORY_MATRIX') ?? '')).toMatchObject({
    include: [{ image: 'debian-12' }, { image: 'debian-13' }],
  });
  expect(example.plan.artifacts.paths).toEqual([SUMMARY_FILE]);
  expect(readFileSync(join(project, SUMMARY_FILE), 'utf8')).toMatch(/^## Plan: 2 images\n/);
});

it('fails with status 2 and the line of a mistake', async () => {
  const { status, stdout } = await plan('images:\n  debian:\n    releases: [11]\n');
  expect(status).toBe(2);
  expect(stdout).toMatch(/factory\.yaml:3:\d+: /);
});
