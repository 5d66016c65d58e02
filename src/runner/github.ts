import { appendFileSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { createMask } from './mask.ts';
import { createLog, harmless, type Platform } from './platform.ts';
import type { Environment, Runner, RunnerWorld } from './types.ts';
import { linesOf } from './untrusted.ts';

/** GitHub drops a step's whole summary beyond 1 MiB. */
const SUMMARY_LIMIT = 1_000_000;

/**
 * GitHub Actions. While foreign lines are shown, the runner is told to obey nothing but a random token; the
 * lines have their marks broken as well, for whoever reads the log later.
 */
export function createGitHubRunner(world: RunnerWorld): Runner {
  const mask = createMask();
  const platform = gitHubPlatform(world);
  const log = createLog(world, platform, mask);
  let summarized = 0;
  return {
    kind: 'github',
    log,
    job: gitHubJob(world.env) ?? `${world.host}:${world.pid}`,
    outputs(values) {
      for (const [name, value] of Object.entries(values)) {
        appendTo(world.env.GITHUB_OUTPUT, fileCommand(world, name, mask.apply(value)));
      }
    },
    summary(markdown) {
      const text = `${mask.apply(markdown)}\n`;
      summarized += Buffer.byteLength(text);
      if (summarized > SUMMARY_LIMIT)
        log.warn('the job summary is longer than GitHub shows: a part is left out');
      else appendTo(world.env.GITHUB_STEP_SUMMARY, text);
    },
    failure(line, causes) {
      for (const cause of causes) log.info(`  ${cause}`);
      platform.trusted();
      for (const part of linesOf(line))
        world.out.write(`${annotation(harmless(mask, part), world.env.GITHUB_WORKSPACE)}\n`);
    },
    close: () => platform.trusted(),
  };
}

/** The page of this run, of this attempt when it is not the first. */
export function gitHubJob(env: Environment): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  if (server === undefined || repository === undefined || run === undefined) return undefined;
  const attempt = Number(env.GITHUB_RUN_ATTEMPT ?? '1');
  return `${server}/${repository}/actions/runs/${run}${attempt > 1 ? `/attempts/${attempt}` : ''}`;
}

/** What GitHub's runner reads from a command file: the value between two lines nobody can guess. */
export function fileCommand(world: Pick<RunnerWorld, 'random'>, name: string, value: string): string {
  const delimiter = `end_${world.random(16).toString('hex')}`;
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}

/** Appends to a file the runner named; without one (a test, an old runner) nothing happens. */
export function appendTo(path: string | undefined, text: string): void {
  if (path !== undefined && path !== '') appendFileSync(path, text);
}

function gitHubPlatform(world: RunnerWorld): Platform & { trusted(): void } {
  const write = (text: string) => world.out.write(`${text}\n`);
  let token: string | undefined;
  const trusted = () => {
    if (token !== undefined) write(`::${token}::`);
    token = undefined;
  };
  const stop = () => {
    if (token !== undefined) return;
    token = `image-factory-${world.random(16).toString('hex')}`;
    write(`::stop-commands::${token}`);
  };
  const say = (text: string) => {
    trusted();
    write(text);
  };
  return {
    trusted,
    line: (level, text) => say(level === 'info' ? text : `::${COMMANDS[level]}::${escapeData(text)}`),
    foreign(source, text) {
      stop();
      write(`${source} | ${text}`);
    },
    openGroup: title => say(`::group::${escapeData(title)}`),
    closeGroup: () => say('::endgroup::'),
    meter: text => say(text),
    meterInterval: 15_000,
    hide: text => say(`::add-mask::${escapeData(text)}`),
  };
}

/** An error command; a mistake of a file is shown beside its line in a pull request. */
function annotation(text: string, workspace = '/'): string {
  const [, file, line, column] = /^([^\s:]+):(\d+):(\d+): /.exec(text) ?? [];
  if (file === undefined) return `::error::${escapeData(text)}`;
  const place = `file=${escapeProperty(isAbsolute(file) ? relative(workspace, file) : file)},line=${line},col=${column}`;
  return `::error ${place}::${escapeData(text)}`;
}

const COMMANDS = { warn: 'warning', error: 'error', debug: 'debug' } as const;

/** The data part of a workflow command, as the runner unescapes it. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
