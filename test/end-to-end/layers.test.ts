import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start } from './program.ts';
import { layerCache, SHARED, type SharedImage, sharedImage } from './shared-image.ts';

/** The shared image was built cold and has left its layers, in a folder of this test run. */
describe('builds from layers', () => {
  let shared: SharedImage;
  let work: string;
  let workspace: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    shared = await sharedImage();
    work = await mkdtemp('/var/tmp/image-factory-layers-');
    workspace = join(work, 'workspace');
    await cp(shared.workspace, workspace, { recursive: true });
    const cache = await layerCache(join(work, 'cache'));
    await cp(
      join(await layerCache(process.env[SHARED] ?? ''), 'image-factory/layers'),
      join(cache, 'image-factory/layers'),
      {
        recursive: true,
      },
    );
    env = { ...process.env, XDG_CACHE_HOME: cache };
  });

  afterAll(() => rm(work, { recursive: true, force: true }));

  /** @returns the digest of the qcow2, and the build log */
  async function build(version: string, ...words: string[]) {
    const output = join(work, 'out');
    const factory = join(workspace, 'factory.yaml');
    const ended = await start(
      ['build', '--factory', factory, '--output', output, '--version', version, ...words],
      env,
    ).ended;
    expect(ended.output).toMatch(ended.status === 0 ? /./ : /^$/);
    const bundle = join(output, `debian-12/${version}-amd64`);
    const digest = await qcow2Digest(bundle);
    const log = await readFile(join(bundle, 'core/logs/build.log'), 'utf8');
    await rm(bundle, { recursive: true });
    return { digest, log, output: ended.output };
  }

  it('make the same bytes as a cold one, from a layer', async () => {
    const { digest, log } = await build('20260101.1', '--cold', 'false');
    expect(log).toContain('== from the layer after bootstrap');
    expect(log).not.toContain('mmdebstrap:');
    expect(log).not.toContain('update-initramfs:');
    expect(digest).toBe(await qcow2Digest(shared.bundle));
  });

  it('make the same bytes as a cold one after an element was edited', async () => {
    await writeFile(
      join(workspace, 'elements/forger/install.d/51-enable'),
      '#!/bin/sh\nsystemctl enable forger.service\necho edited > /etc/motd\n',
    );
    const warm = await build('20260101.2', '--cold', 'false');
    expect(warm.log).toContain('== from the layer after bootstrap');
    // Nothing that went into the initramfs has changed.
    expect(warm.log).not.toContain('update-initramfs:');
    const cold = await build('20260101.3', '--cold', 'true');
    expect(cold.log).toContain('mmdebstrap:');
    expect(cold.log).toContain('update-initramfs:');
    expect(warm.digest).toBe(cold.digest);
    expect(warm.digest).not.toBe(await qcow2Digest(shared.bundle));
  });
});

async function qcow2Digest(bundle: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(bundle, 'core/manifest.json'), 'utf8'));
  return manifest.files.find((each: { form: string }) => each.form === 'qcow2').sha256;
}
