import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { createContext } from '../src/host/context.ts';
import { silentLog } from '../src/host/log.ts';
import { run } from '../src/host/process.ts';
import { createImage, deleteImage, getImage } from '../src/openstack/image/images.ts';
import { importMethods } from '../src/openstack/image/import.ts';
import { type Upload, uploadImage } from '../src/openstack/image/upload.ts';
import type { Service } from '../src/openstack/service.ts';
import { bringUp, wipe } from '../test/openstack/cloud.ts';
import { login } from '../test/openstack/support.ts';
import { median } from './figures.ts';

/** The rate of an upload beside that of curl, to the same real Glance, in turn; README.md tells what is alike. */

const MIB = 1024 * 1024;

interface Sent {
  readonly seconds: number;
  readonly peakMiB: number;
}

/** With the argument `--child` this file is the process whose memory counts. */
async function uploadHere(clouds: string, upload: Upload): Promise<void> {
  const session = await login({ cloudsFile: clouds }, 'builder');
  // As curl's, whose token Glance has seen when its time begins.
  await importMethods(session.service('image'));
  const began = performance.now();
  const image = await uploadImage(session.service('image'), upload);
  const seconds = (performance.now() - began) / 1000;
  await deleteImage(session.service('image'), image.id);
  await session.close();
  console.log(JSON.stringify({ seconds, peakMiB: process.resourceUsage().maxRSS / 1024 }));
}

async function ours(clouds: string, upload: Upload): Promise<Sent> {
  const argv = [process.execPath, import.meta.filename, '--child', clouds];
  const { stdout } = await run(argv, { input: JSON.stringify(upload) });
  return JSON.parse(stdout);
}

async function curls(glance: Service, upload: Upload): Promise<Sent> {
  const id = crypto.randomUUID();
  await createImage(glance, { ...upload.image, id });
  const url = `${await glance.session.endpoint('image')}/images/${id}/file`;
  const config = [
    `url = "${url}"`,
    `upload-file = "${upload.file}"`,
    `header = "x-auth-token: ${(await glance.session.token()).id}"`,
    'header = "content-type: application/octet-stream"',
    'write-out = "%{http_code} %{time_total}"',
  ];
  // On standard input, for the token's sake.
  const { stdout } = await run(['curl', '--silent', '--show-error', '--config', '-'], {
    input: config.join('\n'),
  });
  const [status, seconds] = stdout.split(' ');
  if (status !== '204') throw new Error(`curl got ${stdout}`);
  if ((await getImage(glance, id)).hash?.value !== upload.sha512) throw new Error('curl sent something else');
  await deleteImage(glance, id);
  return { seconds: Number(seconds), peakMiB: Number.NaN };
}

async function compare(cloudsFile: string, work: string, mebibytes: number, rounds: number): Promise<void> {
  await mkdir(work, { recursive: true });
  const file = join(work, 'image.raw');
  await run(['dd', 'if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${mebibytes}`]);
  const sha512 = (await run(['sha512sum', file])).stdout.slice(0, 128);
  const image = { name: 'bench', diskFormat: 'raw', tags: ['bench'] };
  const upload: Upload = { file, size: mebibytes * MIB, sha512, image };
  const session = await login({ cloudsFile }, 'builder');
  const ratios: number[] = [];
  console.log('round | image-factory MiB/s | curl MiB/s | ratio | peak MiB of ours');
  for (let round = 0; round <= rounds; round++) {
    // In turn, the first one changing: what disturbs a round disturbs both.
    const [first, second] = round % 2 === 0 ? [true, false] : [false, true];
    const sent = { ours: { seconds: 0, peakMiB: 0 }, curl: { seconds: 0, peakMiB: 0 } };
    for (const own of [first, second]) {
      await run(['sync']);
      if (own) sent.ours = await ours(cloudsFile, upload);
      else sent.curl = await curls(session.service('image'), upload);
    }
    const rate = (each: Sent) => (mebibytes / each.seconds).toFixed(0);
    const ratio = sent.curl.seconds / sent.ours.seconds;
    const counted = round === 0 ? ' (not counted)' : '';
    console.log(
      `${round}${counted} | ${rate(sent.ours)} | ${rate(sent.curl)} | ${ratio.toFixed(2)} | ${sent.ours.peakMiB.toFixed(0)}`,
    );
    if (round > 0) ratios.push(ratio);
  }
  console.log(`median ratio: ${median(ratios).toFixed(2)}`);
  await session.close();
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cloud: { type: 'string' },
    child: { type: 'boolean', default: false },
    mebibytes: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '5' },
    work: { type: 'string', default: '/var/tmp/image-factory-upload' },
  },
});
if (values.child) {
  await uploadHere(positionals[0] ?? '', JSON.parse(await text(process.stdin)));
} else {
  const work = resolve(values.work);
  const own = join(work, 'cloud');
  const log = { ...silentLog, info: (line: string) => console.log(line) };
  try {
    const { cloudsFile } =
      values.cloud === undefined
        ? await bringUp(createContext({ env: process.env, log }), own)
        : { cloudsFile: resolve(values.cloud, 'clouds.yaml') };
    await compare(cloudsFile, work, Number(values.mebibytes), Number(values.rounds));
  } finally {
    if (values.cloud === undefined) await wipe(own);
    await rm(work, { recursive: true, force: true });
  }
}
