import { type Chroot, HOOKS } from './chroot.ts';
import { byNumber, type Hooks, type Phase, SCRIPT_NAME } from './hooks.ts';

export interface Script {
  /** `50-motd` */
  readonly name: string;
  readonly phase: Phase;
  /** The element that brings it; empty for one that a script of an earlier phase made. */
  readonly element: string;
}

/**
 * The scripts of a phase as they stand now, in the order in which they run: scripts of earlier phases may have
 * added some, as the install-types element does.
 */
export async function scriptsOf(
  chroot: Pick<Chroot, 'outside'>,
  hooks: Hooks,
  phase: Phase,
): Promise<Script[]> {
  const argv = [
    'find',
    `${HOOKS}/${phase}`,
    '-maxdepth',
    '1',
    '-xtype',
    'f',
    '-executable',
    '-printf',
    '%f\\0',
  ];
  const found = await chroot.outside(argv, { accept: [0, 1] });
  return found.stdout
    .split('\0')
    .filter(name => SCRIPT_NAME.test(name))
    .sort(byNumber)
    .map(name => ({ name, phase, element: hooks.owners.get(`${phase}/${name}`) ?? '' }));
}
