import { readFile } from 'node:fs/promises';
import { asset } from '../../host/assets.ts';
import { KINDS } from './kinds.ts';

/** One line of the profile. */
export interface HardeningRule {
  readonly name: string;
  readonly kind: keyof typeof KINDS;
  readonly wanted: string;
  /** The value where nobody sets one; absent: there is none. */
  readonly unset?: string;
  readonly why: string;
}

/** The rules that come with image-factory. */
export async function readProfile(): Promise<HardeningRule[]> {
  return parseProfile(await readFile(asset('profiles', 'hardening'), 'utf8'));
}

/** @throws Error for a line that is no rule: the file is ours */
export function parseProfile(text: string): HardeningRule[] {
  const lines = text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'));
  return lines.map(line => {
    const [name = '', kind = '', wanted = '', unset = '', why = ''] = line
      .split('|')
      .map(part => part.trim());
    if (!Object.hasOwn(KINDS, kind) || why === '')
      throw new Error(`no rule of the hardening profile: ${line}`);
    const rule = { name, kind: kind as HardeningRule['kind'], wanted, why };
    return unset === '-' ? rule : { ...rule, unset };
  });
}
