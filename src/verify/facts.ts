import type { Machine, SshResult } from '../boot/types.ts';
import { CheckError } from '../host/errors.ts';

/** What the guest answered, by the command that was put to it. */
export type Answers = ReadonlyMap<string, SshResult>;

/** Milliseconds; a command that hangs must not take the others' answers with it, and a slow guest is no fault. */
const EACH = 60_000;
const ALL = 180_000;

/**
 * Puts commands to the guest in one session, as root: a session of its own for each would take longer than
 * most of them.
 * @param mark text that no command writes by itself
 * @returns nothing for a guest that does not let its user become root: each is then asked by itself, and says so
 */
export async function gather(machine: Machine, commands: readonly string[], mark: string): Promise<Answers> {
  const distinct = [...new Set(commands)];
  if (distinct.length === 0) return new Map();
  const script = `sudo -n sh -c ${quoted(factsScript(distinct, mark))}`;
  try {
    const { stdout } = await machine.ssh(script, { timeout: ALL });
    return readAnswers(stdout, distinct, mark);
  } catch (error) {
    if (error instanceof CheckError) return new Map();
    throw error;
  }
}

/** As root, by itself. */
export function asRoot(command: string): string {
  return `sudo -n sh -c ${quoted(command)}`;
}

/**
 * Runs all commands at the same time, since some only wait; then tells of each its output, and a line with the
 * mark, its number, its status and the end of its complaints.
 */
export function factsScript(commands: readonly string[], mark: string): string {
  const start = commands.map(
    (command, index) =>
      `{ timeout ${EACH / 1000} sh -c ${quoted(command)} > ${index} 2> ${index}e; echo $? > ${index}s; } &`,
  );
  const all = commands.map((_, index) => index).join(' ');
  return [
    // In memory where it may: a root that is full has answers too.
    'd=$(mktemp -d -p /run 2> /dev/null || mktemp -d) && cd "$d" || exit 1',
    ...start,
    'wait',
    `for i in ${all}; do cat $i; printf '\\n%s %s %s %s\\n' ${mark} $i "$(cat "$i"s)" "$(tail -n 1 "$i"e | head -c 300)"; done`,
    'cd / && rm -r "$d"',
  ].join('\n');
}

/** Answers that did not come whole are left out. */
export function readAnswers(stdout: string, commands: readonly string[], mark: string): Answers {
  const answers = new Map<string, SshResult>();
  let rest = stdout;
  for (const [index, command] of commands.entries()) {
    const end = new RegExp(`\\n${mark} ${index} (\\d+) (.*)(?:\\n|$)`).exec(rest);
    if (end === null) continue;
    const [whole, status, stderr = ''] = end;
    answers.set(command, { status: Number(status), stdout: rest.slice(0, end.index), stderr });
    rest = rest.slice(end.index + whole.length);
  }
  return answers;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
