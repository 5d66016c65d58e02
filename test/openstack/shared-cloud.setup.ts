import { beginSharedCloud, endSharedCloud, SHARED_CLOUD } from './shared-cloud.ts';

/** Before all tests of a run that needs the cloud: names it, and lets it come up while other tests run. */
export async function setup(): Promise<() => Promise<void>> {
  const given = process.env[SHARED_CLOUD];
  process.env[SHARED_CLOUD] = given ?? `/tmp/image-factory-cloud-${process.pid}`;
  await beginSharedCloud();
  return async () => {
    if (given === undefined) await endSharedCloud();
  };
}
