import { describe, expect, it } from 'vitest';
import { CLOUD_CHECKS } from '../../src/definition/builtin.ts';
import { requiredChecks, withCloudChecks } from '../../src/verify/choose.ts';

const NAMES = ['running', 'ssh', 'resolver'];

describe('the checks of an image in a cloud', () => {
  const asked = withCloudChecks(NAMES);
  const required = (place: 'cloud' | 'runner') =>
    requiredChecks({ place, checks: asked, quarantine: {} }, new Date(0));

  it('are those of the factory file, and those that only a cloud can be asked', () => {
    expect(asked.slice(0, NAMES.length)).toEqual(NAMES);
    expect(asked).toEqual(
      expect.arrayContaining(['image-record', 'metadata', 'config-drive', 'reboot', 'rebuild']),
    );
    expect(withCloudChecks(asked)).toEqual(asked);
  });

  it('are required where they apply', () => {
    expect(required('cloud')).not.toContain('resolver');
    for (const name of CLOUD_CHECKS) expect(required('cloud')).toContain(name);
    expect(required('runner')).toEqual(NAMES);
  });
});
