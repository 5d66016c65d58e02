import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageFile } from '../../src/bundle/types.ts';
import { type PromoteParts, promote } from '../../src/chain/promote.ts';
import type { PromoteRequest } from '../../src/chain/types.ts';
import { DEFAULT_CHECKS } from '../../src/definition/builtin.ts';
import { createContext } from '../../src/host/context.ts';
import { CheckError, DefinitionError, HostError, TrustError } from '../../src/host/errors.ts';
import { NotAcceptedError } from '../../src/trust/verdicts.ts';
import { imageFile, openStore, temporary } from '../promote/fixture.ts';
import { manifest, report } from '../report/fixture.ts';

const FACTORY = `version: 1
images:
  debian: { releases: [12] }
`;

let folder: string;

beforeEach(async () => {
  folder = await temporary();
  await writeFile(join(folder, 'factory.yaml'), FACTORY);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A bundle of one version; what was accepted where is kept in a set instead of in signed statements. */
async function bundleOf(version: string) {
  const bundle = join(folder, `bundle-${version}`);
  await mkdir(join(bundle, 'core'), { recursive: true });
  const { file } = await imageFile(join(bundle, 'core'), version);
  const accepted = new Set(['qemu']);
  const asked: string[] = [];
  const verified: string[] = [];
  const none = () => new Set<string>();
  return {
    bundle,
    version,
    file,
    accepted,
    asked,
    verified,
    failing: none(),
    unverifiable: none(),
    otherForm: none(),
  };
}

type Bundle = Awaited<ReturnType<typeof bundleOf>>;

function partsOf(bundle: Bundle): PromoteParts {
  const files: readonly ImageFile[] = [bundle.file];
  return {
    trust: async () => ({
      manifest: { ...manifest, version: bundle.version, files },
      coreDigest: 'c'.repeat(64),
      files,
      accepted: async (place, checks) => {
        bundle.asked.push(`${place}: ${checks.length}`);
        if (bundle.unverifiable.has(place)) throw new TrustError(`a damaged verdict for ${place}`);
        if (!bundle.accepted.has(place)) throw new NotAcceptedError(`no passed verdict for ${place}`);
        const told = {
          run: `run-${place}`,
          job: 'job 1',
          statement: 'f'.repeat(64),
          finishedAt: manifest.builtAt,
        };
        return {
          ...told,
          bootedFile: bundle.otherForm.has(place) ? { sha256: '0', sha512: '0' } : bundle.file,
        };
      },
    }),
    verifyAt: async (_context, _request, { place, image }) => {
      await readFile(image);
      const passed = !bundle.failing.has(place);
      if (passed) bundle.accepted.add(place);
      if (passed) bundle.otherForm.delete(place);
      bundle.verified.push(place);
      const outcome = passed ? 'passed' : 'failed';
      return report({ place, passed, checks: [{ name: 'ssh', outcome, seconds: 1, detail: 'seen' }] });
    },
  };
}

function request(bundle: Bundle, change: Partial<PromoteRequest> = {}): PromoteRequest {
  return {
    factory: join(folder, 'factory.yaml'),
    installTools: false,
    job: 'host:1',
    accel: 'auto',
    firmware: 'bios',
    bundle: bundle.bundle,
    stage: 'staging',
    output: folder,
    dryRun: false,
    ...change,
  };
}

function go(bundle: Bundle, change: Partial<PromoteRequest> = {}, parts = partsOf(bundle)) {
  return promote(createContext(), request(bundle, change), parts);
}

async function versions(stage: string): Promise<unknown[]> {
  const images = await (await openStore(join(folder, 'stores', stage))).list('debian-12');
  return images.map(({ version, visibility, hidden }) => [version, hidden ? 'hidden' : visibility]);
}

describe('promote', () => {
  it('goes through staging into production, and hides the version before', async () => {
    for (const version of ['20261121.1', '20261121.2']) {
      const bundle = await bundleOf(version);
      const staging = await go(bundle);
      expect(staging.reports.map(each => each.place)).toEqual(['directory:stores/staging']);
      await go(bundle, { stage: 'production' });
    }
    for (const stage of ['staging', 'production']) {
      expect(await versions(stage)).toEqual([
        ['20261121.2', 'public'],
        ['20261121.1', 'hidden'],
      ]);
    }
  });

  it('records who built and who accepted it', async () => {
    const { published } = await go(await bundleOf('20261121.1'));
    expect(published[0]?.properties).toMatchObject({
      image_factory_built_job: manifest.builder.run,
      image_factory_accepted_run: 'run-directory:stores/staging',
      image_factory_verdict_sha256: 'f'.repeat(64),
    });
  });

  it('does nothing the second time, and says what is public', async () => {
    const bundle = await bundleOf('20261121.1');
    await go(bundle);
    const { steps, published, reports } = await go(bundle);
    expect({ steps, reports }).toEqual({ steps: [], reports: [] });
    expect(published.map(image => image.version)).toEqual(['20261121.1']);
  });

  it('verifies again where another form of the disk was booted than the store gets', async () => {
    const bundle = await bundleOf('20261121.1');
    bundle.accepted.add('directory:stores/staging');
    bundle.otherForm.add('directory:stores/staging');
    await go(bundle);
    expect(bundle.verified).toEqual(['directory:stores/staging']);
    expect(await versions('staging')).toEqual([['20261121.1', 'public']]);
  });

  it('says what it would do, and touches nothing', async () => {
    const bundle = await bundleOf('20261121.1');
    const before = await readdir(folder);
    const { steps, published } = await go(bundle, { dryRun: true });
    expect(steps).toEqual([
      'upload debian-12 20261121.1 privately to directory:stores/staging',
      'boot and verify debian-12 20261121.1 in directory:stores/staging',
      'publish debian-12 20261121.1 in directory:stores/staging',
    ]);
    expect(published).toEqual([]);
    expect(await readdir(folder)).toEqual(before);
  });
});

describe('promote refuses', () => {
  it('production before staging accepted it, with all checks that staging requires', async () => {
    const bundle = await bundleOf('20261121.1');
    await expect(go(bundle, { stage: 'production' })).rejects.toThrow(
      new NotAcceptedError('no passed verdict for directory:stores/staging'),
    );
    expect(bundle.asked).toEqual([`directory:stores/staging: ${DEFAULT_CHECKS.length}`]);
    expect(await versions('production')).toEqual([]);
  });

  it('staging before the runner accepted it', async () => {
    const bundle = await bundleOf('20261121.1');
    bundle.accepted.clear();
    await expect(go(bundle)).rejects.toThrow('no passed verdict for qemu');
  });

  it('what fails in the store, which then stays private, and the old version public', async () => {
    await go(await bundleOf('20261121.1'));
    const bundle = await bundleOf('20261121.2');
    bundle.failing.add('directory:stores/staging');
    await expect(go(bundle)).rejects.toThrow(CheckError);
    expect(await versions('staging')).toEqual([
      ['20261121.2', 'private'],
      ['20261121.1', 'public'],
    ]);
    bundle.failing.clear();
    await go(bundle);
    expect((await versions('staging'))[0]).toEqual(['20261121.2', 'public']);
  });

  it('to publish bytes that were not booted there, even if others of the same disk were', async () => {
    const bundle = await bundleOf('20261121.1');
    const parts = partsOf(bundle);
    const verifyAt: PromoteParts['verifyAt'] = async (context, asked, where) => {
      const verified = await parts.verifyAt(context, asked, where);
      bundle.otherForm.add(where.place);
      return verified;
    };
    await expect(go(bundle, {}, { ...parts, verifyAt })).rejects.toThrow(
      /was verified in .* is another file/,
    );
    expect(await versions('staging')).toEqual([['20261121.1', 'private']]);
  });

  it('a place with a verdict that nobody can verify, before it boots anything', async () => {
    const bundle = await bundleOf('20261121.1');
    bundle.unverifiable.add('directory:stores/staging');
    await expect(go(bundle)).rejects.toThrow('a damaged verdict for directory:stores/staging');
    expect({ verified: bundle.verified, stored: await versions('staging') }).toEqual({
      verified: [],
      stored: [],
    });
  });

  it('an older version', async () => {
    await go(await bundleOf('20261121.2'));
    await expect(go(await bundleOf('20261121.1'))).rejects.toThrow(DefinitionError);
  });

  it('a stage nobody defined, naming the nearest', async () => {
    const error = await go(await bundleOf('1'), { stage: 'stagin' }).catch(each => each);
    expect(error.status).toBe(2);
    expect(error.line).toContain('did you mean staging?');
  });

  it('a second promotion of the same line meanwhile', async () => {
    const bundle = await bundleOf('20261121.1');
    const parts = partsOf(bundle);
    let second: unknown;
    const verifyAt: PromoteParts['verifyAt'] = async (...args) => {
      second = await go(await bundleOf('20261121.2')).catch(error => error);
      return parts.verifyAt(...args);
    };
    await go(bundle, {}, { ...parts, verifyAt });
    expect(second).toBeInstanceOf(HostError);
    expect((second as HostError).line).toMatch(/^debian-12 is being changed by another process \(host:1\)/);
  });

  it('a source that is not the file that was signed', async () => {
    const bundle = await bundleOf('20261121.1');
    await writeFile(join(bundle.bundle, 'core', bundle.file.path), 'other bytes');
    await expect(go(bundle)).rejects.toThrow(TrustError);
    expect(await versions('staging')).toEqual([]);
  });
});
