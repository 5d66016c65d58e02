import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { DefinitionError } from '../host/errors.ts';
import { type Element, perElement } from './elements.ts';
import { packageNames, type Target } from './pkg-map.ts';

/** diskimage-builder's package-installs.yaml: a package's name to nothing, or to these keys. */
const entry = z
  .strictObject({
    phase: z.enum(['pre-install.d', 'install.d', 'post-install.d']).optional(),
    uninstall: z.unknown().optional(),
    'build-only': z.unknown().optional(),
    arch: z.string().optional(),
    'not-arch': z.string().optional(),
    when: z.union([z.string(), z.array(z.string())]).optional(),
    installtype: z.string().optional(),
    dib_python_version: z.union([z.string(), z.number()]).optional(),
  })
  .nullable();

/** Nothing said, in whichever of the words that Python takes for it. */
const nothing = z.union([z.literal(['', false, 0]), z.tuple([])]).transform(() => null);

const schema = z.record(z.string(), z.union([entry, nothing, z.array(entry)])).nullable();

export type InstallPhase = 'pre-install.d' | 'install.d' | 'post-install.d';

export interface PackageRequest {
  readonly name: string;
  readonly phase: InstallPhase;
  readonly uninstall: boolean;
  /** Which element asked. */
  readonly element: string;
}

export interface PackageConditions extends Target {
  readonly architecture: string;
  /** Variables that `when` conditions look at. */
  readonly environment: Readonly<Record<string, string>>;
}

interface Table {
  readonly file: string;
  readonly entries: readonly (readonly [name: string, values: readonly z.infer<typeof entry>[]])[];
}

/** diskimage-builder reads both where both are there, in this order. */
const FILES = ['package-installs.json', 'package-installs.yaml'];

const tablesOf = perElement(({ path }) => Promise.all(FILES.map(name => readTable(join(path, name)))));

/** The packages that an element asks for under the given conditions. */
export async function packageInstalls(
  element: Element,
  conditions: PackageConditions,
): Promise<PackageRequest[]> {
  const map = await packageNames(element, conditions);
  return (await tablesOf(element)).flatMap(({ file, entries }) =>
    entries.flatMap(([name, values]) =>
      values
        .filter(value => applies(value, conditions, { element: element.name, file }))
        .flatMap(requests)
        .flatMap(request => map(name).map(mapped => ({ ...request, element: element.name, name: mapped }))),
    ),
  );
}

/** Without entries where there is no such file, or where it is empty. */
async function readTable(file: string): Promise<Table> {
  if (!existsSync(file)) return { file, entries: [] };
  try {
    const table = schema.parse(parse(await readFile(file, 'utf8')));
    return { file, entries: Object.entries(table ?? {}).map(([name, value]) => [name, [value].flat()]) };
  } catch (cause) {
    throw new DefinitionError(`${file} is not a list of packages`, {
      advice:
        'keys are package names; below each phase, uninstall, build-only, arch, not-arch, when, installtype or dib_python_version',
      cause,
    });
  }
}

/** As in diskimage-builder, that a key stands there is enough; a package to build with goes again. */
function requests(value: z.infer<typeof entry>): { phase: InstallPhase; uninstall: boolean }[] {
  const phase = value?.phase ?? 'install.d';
  if (value !== null && 'build-only' in value) {
    return [
      { phase, uninstall: false },
      { phase, uninstall: true },
    ];
  }
  return [{ phase, uninstall: value !== null && 'uninstall' in value }];
}

function applies(
  value: z.infer<typeof entry>,
  { architecture, environment }: PackageConditions,
  { element, file }: { element: string; file: string },
): boolean {
  if (value === null) return true;
  const listed = (list: string) =>
    list
      .split(',')
      .map(word => word.trim())
      .includes(architecture);
  if (value.arch !== undefined && !listed(value.arch)) return false;
  if (value['not-arch'] !== undefined && listed(value['not-arch'])) return false;
  if (value.installtype !== undefined && value.installtype !== installType(element, environment))
    return false;
  const python = value.dib_python_version;
  if (python !== undefined && String(python) !== (environment.DIB_PYTHON_VERSION ?? '')) return false;
  return [value.when ?? []].flat().every(condition => holds(condition, environment, file));
}

function installType(element: string, environment: Readonly<Record<string, string>>): string {
  const own = environment[`DIB_INSTALLTYPE_${element.replaceAll('-', '_')}`];
  return own ?? environment.DIB_DEFAULT_INSTALLTYPE ?? 'source';
}

function holds(condition: string, environment: Readonly<Record<string, string>>, file: string): boolean {
  const [, name, operator, wanted] = /^\s*([A-Za-z_]\w*)\s*(!?=)\s*(.*?)\s*$/.exec(condition) ?? [];
  if (name === undefined || wanted === undefined) {
    throw new DefinitionError(`${file}: the condition ${condition} is not understood`, {
      advice: 'write NAME = value or NAME != value',
    });
  }
  return (environment[name] === wanted) === (operator === '=');
}
