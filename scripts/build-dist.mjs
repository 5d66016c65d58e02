// Makes dist/ from actions/: one bundle that all entries share, and one line per entry.
// With --check nothing is written and the status tells whether dist/ is what would be made.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ncc from '@vercel/ncc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const ENTRIES = ['plan', 'build-image', 'boot-and-verify', 'sign-and-hash', 'promote', 'post', 'cli'];
const AGENT = join(root, 'src/host/sandbox/agent.ts');

const files = new Map(await bundle(join(root, 'actions/index.ts'), 'index.js'));
for (const entry of ENTRIES) {
  files.set(`${entry}.js`, `import { start } from './index.js';\nawait start('${entry}');\n`);
}
// The sandbox's root side runs where the rest of dist/ is out of sight, hence a bundle of its own.
if (existsSync(AGENT))
  for (const [name, text] of await bundle(AGENT, 'sandbox-agent.js')) files.set(name, text);
for (const [name, text] of files) refuseLocalPaths(name, text);

if (process.argv.includes('--check')) await compare();
else await write();

async function bundle(entry, name) {
  const { code, assets } = await ncc(entry, {
    cache: false,
    esm: true,
    minify: true,
    quiet: true,
    license: name === 'index.js' ? 'licenses.txt' : '',
    // tsc has checked the types already; here only the syntax goes.
    transpileOnly: true,
  });
  const others = Object.entries(assets).map(([path, { source }]) => [path, source.toString()]);
  return [[name, code], ...others];
}

function refuseLocalPaths(name, text) {
  if (text.includes(root)) throw new Error(`dist/${name} would hold a path of this machine: ${root}`);
}

async function write() {
  await rm(dist, { recursive: true, force: true });
  for (const [name, text] of files) {
    await mkdir(dirname(join(dist, name)), { recursive: true });
    await writeFile(join(dist, name), text);
  }
  const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  console.log(`dist: ${files.size} files, ${(bytes / 1024 ** 2).toFixed(2)} MiB`);
}

async function compare() {
  const there = (await readdir(dist, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(dist.length + 1));
  const stale = [];
  for (const [name, text] of files) {
    if (!there.includes(name) || (await readFile(join(dist, name), 'utf8')) !== text) stale.push(name);
  }
  stale.push(...there.filter(name => !files.has(name)));
  if (stale.length === 0) return;
  console.error(`dist/ is not what its sources make: ${stale.join(', ')}: run npm run build and commit it`);
  process.exitCode = 1;
}
