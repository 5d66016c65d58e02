import type { Machine, SshResult } from '../boot/types.ts';
import { CheckError } from '../host/errors.ts';

/** What the guest answered, by the command that was put to it. */
export type Answers = ReadonlyMap<string, SshResult>;

/** Seconds; a command that hangs must not take the others' answers with it, and a slow guest is no fault. */
const HANGS = 60;
/** Milliseconds. */
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
 * mark, its number, its status (124: it hung) and the end of its complaints. In a guest without hardware acceleration
 * most of the time goes into starting programs: the shell does by itself what it can.
 * @param patience seconds after which a command that still runs is ended
 */
export function factsScript(commands: readonly string[], mark: string, patience = HANGS): string {
  const jobs = commands.map(
    (command, index) =>
      `{ ( eval ${quoted(command)} ) > ${index} 2> ${index}e; echo $? > ${index}s; } < /dev/null &`,
  );
  const numbers = commands.map((_, index) => index);
  return [
    // In memory where it may: a root that is full has answers too.
    'd=$(mktemp -d -p /run 2> /dev/null || mktemp -d) && cd "$d" || exit 1',
    `timeout ${patience} sh -c ${quoted([...jobs, 'wait'].join('\n'))}`,
    `for i in ${numbers.join(' ')}; do s=124 e=`,
    '[ ! -s "$i"s ] || read -r s < "$i"s',
    '[ "$s" = 0 ] || e=$(tail -n 1 "$i"e | head -c 300)',
    `printf '\\n%s %s %s %s\\n' ${mark} $i "$s" "$e" > "$i"m; done`,
    `cat ${numbers.map(index => `${index} ${index}m`).join(' ')}`,
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
