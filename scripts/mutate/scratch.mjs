/** A copy of the repository in the temporary folder. Changes are tried in it, never in the user's files. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
export const SCRATCH = join(tmpdir(), `unspool-mutate-${hashOf(ROOT).slice(0, 8)}`);

export function hashOf(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** All files below a folder, as paths relative to `root`. */
export function filesBelow(folder, root) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
}

export const read = (file, root = SCRATCH) => readFileSync(join(root, file), 'utf8');
export const write = (file, content) => writeFileSync(join(SCRATCH, file), content);

/** Makes the copy equal to the working tree, and builds what tests need: the WebAssembly modules and dist/. */
export function prepare() {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' });
  const generated = filesBelow('src', ROOT).filter((file) => file.includes('/generated/'));
  const files = new Set([...listed.split('\0').filter((file) => file && existsSync(join(ROOT, file))), ...generated]);
  mkdirSync(SCRATCH, { recursive: true });
  for (const folder of ['src', 'test']) {
    if (!existsSync(join(SCRATCH, folder))) continue;
    for (const file of filesBelow(folder, SCRATCH)) if (!files.has(file)) rmSync(join(SCRATCH, file));
  }
  for (const file of files) {
    const [from, to] = [join(ROOT, file), join(SCRATCH, file)];
    if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
  if (!existsSync(join(SCRATCH, 'node_modules')))
    symlinkSync(join(ROOT, 'node_modules'), join(SCRATCH, 'node_modules'));
  build();
  if (!existsSync(join(SCRATCH, 'dist/index.d.ts')))
    node('node_modules/typescript/lib/tsc.js', '-p', 'tsconfig.build.json');
}

/** Builds dist/ again, and the WebAssembly modules if their sources changed. Throws if it does not compile. */
export function build() {
  execFileSync('npm', ['run', '-s', 'build:wasm'], { cwd: SCRATCH, stdio: 'pipe' });
  node('scripts/bundle.mjs', '--sourcemap');
}

function node(...args) {
  execFileSync(process.execPath, args, { cwd: SCRATCH, stdio: 'pipe' });
}

/** Whether the copy passes the type check as it is now. */
export function compiles() {
  try {
    node('node_modules/typescript/lib/tsc.js', '--noEmit');
    return true;
  } catch {
    return false;
  }
}
