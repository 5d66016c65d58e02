/** What GitHub's runner would do because of a line of a step's output. */
export interface Obeyed {
  readonly command: string;
  readonly data: string;
}

/** The commands that a runner knows; any other word between the marks is text. */
const KNOWN = [
  ...['set-output', 'save-state', 'set-env', 'add-path', 'add-mask', 'add-matcher', 'remove-matcher', 'echo'],
  ...['debug', 'notice', 'warning', 'error', 'group', 'endgroup', 'stop-commands', 'internal-set-repo-path'],
];

/** Reads a step's output as the runner's ActionCommandManager does, old form (`##[`) and new (`::`). */
export function obeyed(output: string): Obeyed[] {
  const found: Obeyed[] = [];
  let token: string | undefined;
  for (const line of output.split(/\r\n|\n|\r/)) {
    const said = commandOf(line);
    if (said === undefined) continue;
    if (token !== undefined) {
      if (said.command === token) token = undefined;
      continue;
    }
    if (said.command === 'stop-commands') token = said.data;
    else if (KNOWN.includes(said.command)) found.push(said);
  }
  return found;
}

function commandOf(line: string): Obeyed | undefined {
  const match =
    /^\s*::([^\s:]+)(?: .*?)?::(.*)$/.exec(line) ?? /##\[([^\s\]]+)(?: [^\]]*)?\](.*)$/.exec(line);
  return match === null ? undefined : { command: (match[1] ?? '').toLowerCase(), data: match[2] ?? '' };
}
