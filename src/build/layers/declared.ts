import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DefinitionError } from '../../host/errors.ts';
import type { Element } from '../elements.ts';
import { isPhase } from '../hooks.ts';

/** In an element: rows of `closed PHASE/SCRIPT` and `open PHASE/SCRIPT`. */
const FILE = 'element-inputs';

export type Openness = 'open' | 'closed';

/**
 * What elements say of their scripts, by place. `closed`: whatever it fetches is fixed by the element itself, e.g. by
 * a digest; `open`: it depends on what nobody sees, e.g. the clock.
 * @throws DefinitionError for a row that is neither
 */
export async function declaredScripts(elements: readonly Element[]): Promise<Map<string, Openness>> {
  const found = await Promise.all(elements.map(each => declaredBy(each)));
  return new Map(found.flat());
}

async function declaredBy({ path }: Element): Promise<[place: string, openness: Openness][]> {
  const file = join(path, FILE);
  const text = await readFile(file, 'utf8').catch(() => '');
  const rows = text.split('\n').map(row => row.replace(/#.*/, '').trim());
  return rows
    .filter(row => row !== '')
    .map(row => {
      const [, openness, place = '', phase = ''] = /^(open|closed)\s+(([^/\s]+)\/\S+)$/.exec(row) ?? [];
      if ((openness === 'open' || openness === 'closed') && isPhase(phase)) return [place, openness];
      throw new DefinitionError(`${file}: ${row} is not understood`, {
        advice: 'write `closed PHASE/SCRIPT` or `open PHASE/SCRIPT`, e.g. closed install.d/50-fetch',
      });
    });
}
