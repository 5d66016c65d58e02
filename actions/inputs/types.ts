/**
 * One row of the one table of inputs. The command line's options, what an action reads from `INPUT_*`, action.yml, the
 * README's tables and the types of the values all come from here.
 */
export interface Input {
  /** kebab-case, the same in an action and on the command line. */
  readonly name: string;
  readonly kind: 'text' | 'number' | 'flag' | 'choice' | 'list' | 'path' | 'secret' | 'words';
  /** One or two sentences for `--help`, action.yml and README. */
  readonly description: string;
  readonly default?: string;
  readonly required?: true;
  readonly choices?: readonly string[];
  /** Given without `--name` on the command line; an action takes it by name as the rest. */
  readonly argument?: true;
  /** Exists in one of the two only. */
  readonly only?: 'action' | 'command-line';
}

export interface Output {
  readonly name: string;
  readonly description: string;
}

/** One command: a word of the command line and, for most, an action. */
export interface Command {
  readonly name: string;
  /** Folder of the action. */
  readonly action?: string;
  /** The action has a post step, which removes what a killed main left. */
  readonly post?: true;
  /** A few words for the list of commands. */
  readonly summary: string;
  /** What happens, in the order in which it happens. */
  readonly story: string;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly examples: readonly string[];
}
