import { ruleFor } from '../../image/seal.ts';
import { judgeFindings } from '../offline/allow.ts';
import { buildHost } from '../offline/checks/build-host.ts';
import { packageFiles } from '../offline/checks/package-files.ts';
import { packageSources } from '../offline/checks/package-sources.ts';
import { sealed } from '../offline/checks/sealed.ts';
import { secrets } from '../offline/checks/secrets.ts';
import { setId } from '../offline/checks/set-id.ts';
import { worldWritable } from '../offline/checks/world-writable.ts';
import type { Finding, ImageUnderTest } from '../offline/types.ts';
import type { GuestUnderTest } from '../types.ts';
import { runningImage, type Since } from './running-image.ts';
import { fetchWritten } from './written.ts';

/** What is asked of the bytes of an image, and again of a guest that runs. */
const AGAIN = [worldWritable, setId, packageFiles, packageSources, secrets, buildHost];

/**
 * What is wrong with what was written in a running guest, and not excused by the factory file.
 * @param image that it was started from
 */
export async function judgeWritten(
  guest: Pick<GuestUnderTest, 'machine' | 'allow' | 'context'>,
  image: ImageUnderTest,
  since: Since,
): Promise<string[]> {
  const running = runningImage(image, since, await fetchWritten(guest, since.changed));
  const found: [string, readonly Finding[]][] = [];
  for (const check of AGAIN) {
    const { findings } = await check.look(running);
    found.push([check.name, findings.filter(({ what }) => !since.same.has(what))]);
  }
  found.push([sealed.name, kept(since)]);
  const now = guest.context.now();
  return found.flatMap(([name, findings]) =>
    judgeFindings(findings, guest.allow[name] ?? {}, now).wrong.map(each => `${name}: ${each}`),
  );
}

/** What every instance should have of its own by now, and has from the image. */
function kept({ same }: Since): Finding[] {
  return [...same].flatMap(([path, { type, size }]) => {
    const rule = ruleFor(path.slice(1));
    const own = rule?.wanted === 'absent' || (rule?.wanted === 'empty' && size > 0);
    if (rule === undefined || !own || type !== 'file') return [];
    return [{ what: path, why: rule.why }];
  });
}
