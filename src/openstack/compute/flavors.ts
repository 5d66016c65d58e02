import { z } from 'zod';
import { alternatives, closest } from '../../definition/words.ts';
import { DefinitionError } from '../../host/errors.ts';
import { listAll, nextLink } from '../pages.ts';
import type { Compute } from './compute.ts';
import { FLAVOR, type Flavor, LINKS } from './types.ts';

const PAGE = z.object({ flavors: z.array(FLAVOR), flavors_links: LINKS });

/** The flavors this project may use. */
export function listFlavors(compute: Compute): Promise<Flavor[]> {
  return listAll(compute.service, {
    what: 'list flavors',
    path: '/flavors/detail',
    headers: compute.headers,
    page: PAGE,
    items: page => page.flavors,
    next: page => nextLink(page.flavors_links),
  });
}

/** What a server must have at the least: ram in MiB, disk in GiB. */
export interface Needs {
  readonly ram: number;
  readonly disk: number;
  readonly vcpus: number;
}

/**
 * The flavor with a name or id, or the smallest that is large enough.
 * @throws DefinitionError when there is none
 */
export function chooseFlavor(flavors: readonly Flavor[], wanted: string | Needs): Flavor {
  if (typeof wanted === 'string') {
    const named = flavors.find(each => each.name === wanted || each.id === wanted);
    if (named !== undefined) return named;
    const names = flavors.map(each => each.name);
    const meant = closest(wanted, names);
    throw new DefinitionError(`the cloud has no flavor ${wanted}`, {
      advice: meant === undefined ? `it has ${alternatives(names)}` : `did you mean ${meant}?`,
    });
  }
  // A disk of 0 is as large as the image, and as a rule refused to ordinary users.
  const enough = flavors.filter(
    each =>
      !each.disabled && each.ram >= wanted.ram && each.disk >= wanted.disk && each.vcpus >= wanted.vcpus,
  );
  const [smallest] = enough.toSorted((a, b) => a.ram - b.ram || a.vcpus - b.vcpus || a.disk - b.disk);
  if (smallest !== undefined) return smallest;
  throw new DefinitionError(
    `no flavor has ${wanted.ram} MiB of memory, ${wanted.disk} GiB of disk and ${wanted.vcpus} processors`,
    { advice: `name one of ${alternatives(flavors.map(each => each.name))}` },
  );
}
