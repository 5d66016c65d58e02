import { z } from 'zod';
import { CHECK_NAMES } from '../builtin.ts';
import { DISK_BUSES, NETWORK_CARDS } from '../hardware.ts';
import { OWN_NAME } from '../types.ts';
import { list, loose, pattern, record, someChecks, VISIBLE, word, words } from './shapes.ts';
import { count, duration, isDay, line, MIB, size } from './values.ts';

const quarantine = z
  .strictObject({
    tracker: line.describe('Where it is being looked into.'),
    expires: line.describe('Its last day, in UTC.'),
  })
  .refine(({ expires }) => isDay(expires), { error: 'a last day that there is, such as 2026-12-24' });
/** A check of ours, or of the user's own; whether that one exists is known when its folder is read. */
const checkName = z.union([word(CHECK_NAMES), z.string().regex(new RegExp(OWN_NAME), { abort: true })]);
const QUARANTINE = 'Checks whose failure stops nothing until a day; after it, being here is a failure.';

const allowed = z
  .strictObject({
    reason: line.describe('Why it is taken as it is.'),
    expires: line.describe('Its last day, in UTC.').exactOptional(),
  })
  .refine(({ expires }) => expires === undefined || isDay(expires), {
    error: 'a last day that there is, such as 2026-12-24',
  });
const ALLOW =
  'Findings that are taken as they are, by the check and what the finding names; * stands for any text.';

const folder = pattern(`^(?!/)${VISIBLE}{1,200}$`, 'a folder, relative to the factory file');
/** Folders with a user's own checks. */
export const ownFolders = list(folder);
const OWN = 'Folders with checks of your own, each with scripts in guest/ and runner/ and files in goss/.';

const NOVA = {
  cloud: line.describe('Entry of clouds.yaml.'),
  region: line.describe('Region of the cloud.'),
  flavor: line.describe('Flavor by name or id.'),
  network: line.describe('Network by name or id.'),
  floating: line.describe('External network that gives a floating IP; none reaches the own address.'),
  zone: line.describe('Availability zone.'),
  servers: count(1, 1000, 'servers').describe('Most servers of ours in the project at a time.'),
};

const QEMU = {
  disk: word(DISK_BUSES).describe('Bus of its disks.'),
  nic: word(NETWORK_CARDS).describe('Model of its network cards.'),
};

export const verify = {
  checks: words(CHECK_NAMES).describe('Checks the image must pass; -NAME takes one away.'),
  boot: duration.describe('From power-on to a configured guest.'),
  throughput: size(1, 1024 * 1024 * MIB).describe('Least bytes a second between guest and runner.'),
  memory: size(128 * MIB, 1024 * 1024 * MIB).describe('Memory of the test machine.'),
  cpus: count(1, 64, 'processors').describe('Its processors.'),
  qemu: loose(QEMU).describe('What else it is made of on a runner.'),
  quarantine: record(checkName, quarantine).describe(QUARANTINE),
  allow: record(word(CHECK_NAMES), record(line, allowed)).describe(ALLOW),
  own: ownFolders.describe(OWN),
  nova: loose(NOVA).describe('Where its server is in a cloud, with machine nova.'),
};

export const resolvedVerify = z.object({
  ...verify,
  checks: someChecks(verify.checks),
  throughput: verify.throughput.exactOptional(),
  quarantine: z.record(checkName, quarantine).exactOptional(),
  allow: z.partialRecord(word(CHECK_NAMES), z.record(line, allowed)).exactOptional(),
  own: verify.own.exactOptional(),
  qemu: z.object(optional(QEMU)).exactOptional(),
  nova: z.object(optional(NOVA)).exactOptional(),
});

function optional<T extends Readonly<Record<string, z.ZodType>>>(shape: T) {
  const entries = Object.entries(shape).map(([key, type]) => [key, type.exactOptional()]);
  return Object.fromEntries(entries) as { [K in keyof T]: z.ZodExactOptional<T[K]> };
}
