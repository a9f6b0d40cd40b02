/**
 * Compiles src/kernels/wasm/assembly and writes the bytes, deflated and as text, into a module of ours: they travel inside the package, so
 * that nothing has to be fetched and every bundler and content-security policy (with wasm-unsafe-eval) lets them through.
 *   simd     4x8 tile, multiply and add                  (every engine with WebAssembly SIMD)
 *   relaxed  6x8 tile, fused multiply-add                (engines with relaxed SIMD)
 *   revec    6x16 tile of the same                       (V8 told to fuse pairs of vectors into AVX2's)
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import asc from 'assemblyscript/asc';
import { tilesSource } from '../src/kernels/wasm/tiles.mjs';

const ASSEMBLY = 'src/kernels/wasm/assembly';
const OUT = 'src/kernels/wasm/generated';
const VARIANTS = {
  simd: { tile: { mr: 4, nv: 2 }, flags: [] },
  relaxed: { tile: { mr: 6, nv: 2 }, flags: ['--enable', 'relaxed-simd'] },
  revec: { tile: { mr: 6, nv: 4 }, flags: ['--enable', 'relaxed-simd'] },
};
const FLAGS = [
  '-O3',
  '--shrinkLevel',
  '1',
  '--noAssert',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--enable',
  'threads',
  '--enable',
  'bulk-memory',
  '--importMemory',
  '--sharedMemory',
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536',
];

async function compile({ tile, flags }) {
  writeFileSync(join(ASSEMBLY, 'tiles.ts'), tilesSource(tile));
  const folder = mkdtempSync(join(tmpdir(), 'unspool-'));
  const file = join(folder, 'module.wasm');
  const { error, stderr } = await asc.main([join(ASSEMBLY, 'index.ts'), '-o', file, ...FLAGS, ...flags]);
  if (error) {
    console.error(stderr.toString());
    throw error;
  }
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true });
  return bytes;
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
for (const [name, variant] of Object.entries(VARIANTS)) {
  const bytes = await compile(variant);
  const deflated = deflateSync(bytes, { level: 9 });
  const text = `/** Made by scripts/build-wasm.mjs: ${bytes.length} bytes of WebAssembly, ${deflated.length} deflated. */
export const deflated =
  '${deflated.toString('base64')}';
`;
  writeFileSync(join(OUT, `${name}.ts`), text);
  console.log(`${name}: ${bytes.length} bytes, ${deflated.length} deflated`);
}
