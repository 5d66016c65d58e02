import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefinitionError } from '../host/errors.ts';
import { createMask } from './mask.ts';
import { createLog, harmless, type Platform } from './platform.ts';
import type { Runner, RunnerWorld } from './types.ts';
import { linesOf } from './untrusted.ts';

/** `artifacts:reports:dotenv` of the example names it. */
export const DOTENV_FILE = 'image-factory.env';
/** GitLab has no job summary; the page is an artifact beside the outputs. */
export const SUMMARY_FILE = 'image-factory-summary.md';

/** GitLab CI. It knows no masks but those of its own variables, so that ours are put in place here. */
export function createGitLabRunner(world: RunnerWorld): Runner {
  const mask = createMask();
  const platform = gitLabPlatform(world);
  const log = createLog(world, platform, mask);
  const inProject = (name: string) => join(world.env.CI_PROJECT_DIR ?? '.', name);
  return {
    kind: 'gitlab',
    log,
    job: world.env.CI_JOB_URL ?? `${world.host}:${world.pid}`,
    outputs(values) {
      const lines = Object.entries(values).map(([name, value]) => dotenvLine(name, mask.apply(value)));
      appendFileSync(inProject(DOTENV_FILE), lines.join(''));
    },
    summary: markdown => appendFileSync(inProject(SUMMARY_FILE), `${mask.apply(markdown)}\n`),
    failure(line, causes) {
      for (const part of linesOf(line)) platform.line('error', harmless(mask, part));
      for (const cause of causes) log.info(`  ${cause}`);
    },
    close() {},
  };
}

/** `disk-digest` becomes `IMAGE_FACTORY_DISK_DIGEST=...`: a later job's own variables cannot be overwritten. */
export function dotenvLine(name: string, value: string): string {
  if (/[\r\n]/.test(value)) {
    throw new DefinitionError(`output ${name} has more than one line, which a dotenv report cannot hold`);
  }
  return `IMAGE_FACTORY_${name.toUpperCase().replaceAll('-', '_')}=${value}\n`;
}

const COLOURS = {
  info: '',
  debug: '\u001b[2m',
  warn: '\u001b[33mwarning: ',
  error: '\u001b[31merror: ',
} as const;

function gitLabPlatform(world: RunnerWorld): Platform {
  const write = (text: string) => world.out.write(`${text}\n`);
  const curious = world.verbose || world.env.CI_DEBUG_TRACE === 'true';
  let section = '';
  const mark = (word: string, title: string) => {
    const seconds = Math.floor(world.now().getTime() / 1000);
    write(`\u001b[0K${word}:${seconds}:${section}${title}`);
  };
  return {
    line(level, text) {
      if (level === 'debug' && !curious) return;
      write(level === 'info' ? text : `${COLOURS[level]}${text}\u001b[0m`);
    },
    foreign: (source, text) => write(`${source} | ${text}`),
    openGroup(title) {
      section = `image_factory_${world.random(6).toString('hex')}`;
      mark('section_start', `[collapsed=true]\r\u001b[0K\u001b[1m${title}\u001b[0m`);
    },
    closeGroup: () => mark('section_end', '\r\u001b[0K'),
    meter: text => write(text),
    meterInterval: 15_000,
    hide() {},
  };
}
