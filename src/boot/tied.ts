/** The command, started so that the kernel kills it when the process that starts it dies, however it dies. */
export function tied(argv: readonly string[]): string[] {
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...argv];
}
