import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { roomNeeds } from '../../src/build/room.ts';
import type { Form } from '../../src/definition/forms.ts';
import { inTemporary } from '../host/support.ts';

const MIB = 1024 ** 2;

it('counts what is there already, and the rest by the packages', () =>
  inTemporary(async folder => {
    const at = (name: string) => join(folder, name);
    const places = {
      ...{ results: at('out'), work: at('work'), cache: at('cache') },
      ...{ downloads: at('cache/downloads/debian'), tools: at('cache/tools/1') },
    };
    const bytes = async (installed: number, download: number) =>
      (await roomNeeds({ installed, download, line: { forms } }, places)).map(each => each.bytes);
    let forms: readonly Form[] = ['qcow2', 'raw'];
    const [bundle = 0, , cache = 0] = await bytes(500 * MIB, 200 * MIB);
    // A tree of that size makes a raw disk and a qcow2 of at most so much together.
    expect(bundle).toBeGreaterThan(500 * MIB * 1.5);
    expect(bundle).toBeLessThan(500 * MIB * 3.5);
    expect((await bytes(1500 * MIB, 200 * MIB))[0]).toBeGreaterThan(bundle + 1500 * MIB);
    forms = ['qcow2'];
    expect((await bytes(500 * MIB, 200 * MIB))[0]).toBe(bundle);
    forms = ['qcow2', 'tar'];
    expect((await bytes(500 * MIB, 200 * MIB))[0]).toBeGreaterThan(bundle + 500 * MIB);
    await mkdir(join(places.downloads, 'archives'), { recursive: true });
    await writeFile(join(places.downloads, 'archives/a.deb'), '');
    await truncate(join(places.downloads, 'archives/a.deb'), 150 * MIB);
    expect((await bytes(500 * MIB, 200 * MIB))[2]).toBe(cache - 150 * MIB);
    await mkdir(places.tools, { recursive: true });
    expect((await bytes(500 * MIB, 200 * MIB))[2]).toBe(50 * MIB);
    expect((await bytes(500 * MIB, 100 * MIB))[2]).toBe(0);
    const request = { installed: 500 * MIB, download: 0, line: { forms } };
    const layered = async (size: number) => (await roomNeeds(request, places, { size })).at(-1);
    expect(await layered(10 * MIB)).toEqual({ directory: places.cache, bytes: 10 * MIB, what: 'layers' });
    expect((await layered(10 ** 12))?.bytes).toBeGreaterThan(200 * MIB);
  }));
