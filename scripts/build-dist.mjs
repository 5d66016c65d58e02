// Makes dist/ from actions/: one bundle that all entries share, and one line per entry.
// With --check nothing is written and the status tells whether dist/ is what would be made.
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ncc from '@vercel/ncc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const compiled = join(root, 'build');

await compile();
const files = new Map(await bundle('actions/index', 'index.js'));
for (const entry of await entries()) {
  files.set(`${entry}.js`, `import { start } from './index.js';\nawait start('${entry}');\n`);
}
// The sandbox's root side runs where the rest of dist/ is out of sight, hence a bundle of its own.
for (const [name, text] of await bundle('src/host/sandbox/agent', 'sandbox-agent.js')) files.set(name, text);
for (const [name, text] of files) check(name, text);

if (process.argv.includes('--check')) await compare();
else await write();

/** ncc's own TypeScript makes CommonJS of our modules, and packages that are ESM only cannot be found then. */
async function compile() {
  await rm(compiled, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  // The types have been checked by `npm run typecheck`; here only the syntax goes.
  execFileSync(process.execPath, [tsc, '--noCheck', '--outDir', compiled], { cwd: root, stdio: 'inherit' });
}

/** One for each action, the post step of them all, and the command line. */
async function entries() {
  const { COMMANDS } = await import(pathToFileURL(join(compiled, 'actions/inputs/index.js')));
  return [...COMMANDS.flatMap(({ action }) => action ?? []), 'post', 'cli'];
}

async function bundle(entry, name) {
  // ncc's own frames quote its whole bundled source; the message is all there is to know.
  const { code, assets } = await ncc(join(compiled, `${entry}.js`), {
    cache: false,
    esm: true,
    minify: true,
    quiet: true,
    license: name === 'index.js' ? 'licenses.txt' : '',
  }).catch(error => {
    console.error(`dist/${name} cannot be made: ${error.message}`);
    process.exit(1);
  });
  const others = Object.entries(assets).map(([path, { source }]) => [path, source.toString()]);
  return [[name, code], ...others];
}

function check(name, text) {
  if (text.includes(root)) throw new Error(`dist/${name} would hold a path of this machine: ${root}`);
  // What ncc puts in the place of a module that is not there: it would die at its start.
  const [, missing] = /eval\("require"\)\("(\.[^"]*)"\)/.exec(text) ?? [];
  if (missing !== undefined) throw new Error(`dist/${name} cannot be made: there is no module ${missing}`);
}

async function write() {
  for (const [name, text] of files) {
    const path = join(dist, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }
  for (const name of await filesIn(dist)) if (!files.has(name)) await rm(join(dist, name));
  const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  console.log(`dist: ${files.size} files, ${(bytes / 1024 ** 2).toFixed(2)} MiB`);
}

async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

async function compare() {
  const there = await filesIn(dist);
  const stale = [];
  for (const [name, text] of files) {
    if (!there.includes(name) || (await readFile(join(dist, name), 'utf8')) !== text) stale.push(name);
  }
  stale.push(...there.filter(name => !files.has(name)));
  if (stale.length === 0) return;
  console.error(`dist/ is not what its sources make: ${stale.join(', ')}: run npm run build and commit it`);
  process.exitCode = 1;
}
