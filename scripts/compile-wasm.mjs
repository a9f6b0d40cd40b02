/** Compiles src/kernels/wasm/assembly to WebAssembly. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { build } from 'esbuild';
import { contractSource } from '../src/kernels/wasm/tables.mjs';
import { tilesSource } from '../src/kernels/wasm/tiles.mjs';

const ROOT = join(import.meta.dirname, '..');
const ASSEMBLY = 'src/kernels/wasm/assembly';

const RELAXED = ['--enable', 'relaxed-simd'];
/**
 * V8 fuses no pair of vectors whose second one loads a constant again, so each constant must be loaded once per pair: Binaryen does
 * that unless it shrinks the code.
 */
const REVEC = [...RELAXED, '--shrinkLevel', '0'];

/**
 * The variants of the main module:
 *   simd     4x8 tile, multiply and add          (engines with WebAssembly SIMD)
 *   relaxed  6x8 tile, fused multiply-add        (engines with relaxed SIMD)
 *   revec    6x16 tile, fused multiply-add       (V8 with the flag that fuses pairs of vectors into AVX2 vectors)
 * With FUSED, the cell computes eight units at once.
 * The modules for LSTM variants have no tiles.
 */
export const MODULES = {
  simd: { entry: 'index', tile: { mr: 4, nv: 2 }, flags: [] },
  relaxed: { entry: 'index', tile: { mr: 6, nv: 2 }, flags: RELAXED },
  revec: { entry: 'index', tile: { mr: 6, nv: 4 }, flags: [...REVEC, '--use', 'FUSED=1'] },
  'simd-variants': { entry: 'variants', flags: [] },
  'relaxed-variants': { entry: 'variants', flags: RELAXED },
  'revec-variants': { entry: 'variants', flags: REVEC },
};

/** The exports of a TypeScript file. */
async function load(file) {
  const { outputFiles } = await build({ entryPoints: [join(ROOT, file)], bundle: true, format: 'esm', write: false });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

/** The exports of src/contract/options.ts. */
export const readContract = () => load('src/contract/options.ts');

const { MAX_PAGES } = await load('src/kernels/wasm/layout.ts');
const MEMORY = ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', String(MAX_PAGES)];
/** Where the modules for LSTM variants have their constants: after those of the main module, whose memory they share. */
const VARIANTS_BASE = 4096;
const FEATURES = ['simd', 'threads', 'bulk-memory'].flatMap((feature) => ['--enable', feature]);
const FLAGS = ['-O3', '--shrinkLevel', '1', '--noAssert', '--runtime', 'stub', ...FEATURES, ...MEMORY];

/** The bytes of a module. Throws an error with the compiler's messages. */
export async function compileWasm({ entry, tile, flags }, contract) {
  const generated = {
    ...(tile && { [`${ASSEMBLY}/tiles.ts`]: tilesSource(tile) }),
    [`${ASSEMBLY}/contract.ts`]: contractSource(contract),
  };
  let bytes;
  const files = {
    readFile(name, folder) {
      if (generated[name]) return generated[name];
      try {
        return readFileSync(join(folder, name), 'utf8');
      } catch {
        return null;
      }
    },
    writeFile(_name, contents) {
      bytes = contents;
    },
  };
  const base = entry === 'variants' ? ['--memoryBase', String(VARIANTS_BASE)] : [];
  const args = [`${ASSEMBLY}/${entry}.ts`, '--baseDir', ROOT, '-o', 'module.wasm', ...FLAGS, ...base, ...flags];
  const { error, stderr } = await asc.main(args, files);
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return bytes;
}
