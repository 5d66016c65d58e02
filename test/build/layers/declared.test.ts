import { expect, it } from 'vitest';
import { declaredScripts } from '../../../src/build/layers/declared.ts';
import { DefinitionError } from '../../../src/host/errors.ts';
import { inTemporary } from '../../host/support.ts';
import { element } from '../support.ts';

const declared = (text: string) =>
  inTemporary(async folder =>
    declaredScripts([
      await element(folder, 'none'),
      await element(folder, 'site', { 'element-inputs': text }),
    ]),
  );

it('elements say which of their scripts are open or closed', async () => {
  const text = '# all by digest\nclosed install.d/50-fetch  # yes\n\nopen  post-install.d/60-date\n';
  expect(await declared(text)).toEqual(
    new Map([
      ['install.d/50-fetch', 'closed'],
      ['post-install.d/60-date', 'open'],
    ]),
  );
});

it.each(['closed', 'shut install.d/50-x', 'open 50-x', 'open nowhere.d/50-x', 'open install.d/'])(
  'refuses %j',
  async text => {
    await expect(declared(text)).rejects.toThrow(DefinitionError);
  },
);
