import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { givenEnvironment, givenFiles, layOutGiven } from '../../src/build/given-files.ts';
import { inTemporary } from '../host/support.ts';
import { writeTree } from './support.ts';

it('files that the definition names come along, and the variables name where they are in the sandbox', () =>
  inTemporary(async folder => {
    await writeTree(folder, { 'in/apt.conf': 'Acquire::Retries "2";', 'in/keys/a.asc': 'key' });
    const files = await givenFiles(
      {
        DIB_APT_CONF: 'apt.conf',
        DIB_ADD_APT_KEYS: join(folder, 'in/keys'),
        DIB_APT_KEYRING: '/usr/share/keyrings/nowhere.gpg',
        DIB_APT_SOURCES: '',
        DIB_RELEASE: 'apt.conf',
      },
      join(folder, 'in'),
    );
    await layOutGiven(files, join(folder, 'out'));
    expect(givenEnvironment(files)).toEqual({
      DIB_ADD_APT_KEYS: '/elements/given/DIB_ADD_APT_KEYS/keys',
      DIB_APT_CONF: '/elements/given/DIB_APT_CONF/apt.conf',
    });
    expect(await readFile(join(folder, 'out/given/DIB_APT_CONF/apt.conf'), 'utf8')).toContain('Retries');
    expect(await readFile(join(folder, 'out/given/DIB_ADD_APT_KEYS/keys/a.asc'), 'utf8')).toBe('key');
  }));

it('another content is another digest, of a file and of one in a folder', () =>
  inTemporary(async folder => {
    const digests = async (text: string) => {
      await writeTree(folder, { 'apt.conf': text, 'keys/a.asc': text });
      const files = await givenFiles({ DIB_APT_CONF: 'apt.conf', DIB_ADD_APT_KEYS: 'keys' }, folder);
      return files.map(each => each.digest);
    };
    const [one, other] = [await digests('one'), await digests('other')];
    expect(one).toHaveLength(2);
    expect(await digests('one')).toEqual(one);
    for (const digest of other) expect(one).not.toContain(digest);
  }));
