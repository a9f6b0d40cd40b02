/**
 * V8 can fuse pairs of 128-bit WebAssembly vectors into 256-bit AVX2 vectors. The flag is experimental, off by default, and applies
 * to the whole process, so it is kept only if the results are correct and faster.
 */
import { setFlagsFromString } from 'node:v8';
import { describeBackend, preferRevec } from '../kernels/select.js';

const FLAG = 'experimental-wasm-revectorize';
/**
 * Older versions have the flag, but cannot fuse the instructions of the tiles. In V8 14 (Node 25 and newer) its compiler fails at some
 * functions, such as some of `simd-variants`, with "unreachable code", which ends the process. The flag applies to all WebAssembly of a
 * process, so a module of another package could fail like this at any moment.
 */
const NODE = 24;

/**
 * Makes new models use V8's fused vectors if they are faster. Sets V8's flag for this process, compares the results with the
 * default kernels, times both, and keeps the faster. Returns whether the fused kernels are used: only in Node 24 on x64, where it takes a
 * fifth of a second. For programs that own their process.
 */
export async function revectorize(): Promise<boolean> {
  const { v8, bun, deno, node } = process.versions;
  const isNode = v8 !== undefined && bun === undefined && deno === undefined;
  if (!isNode || Number.parseInt(node, 10) !== NODE || process.arch !== 'x64') return false;
  if (describeBackend().variant !== 'relaxed') return false;
  setFlagsFromString(`--${FLAG}`);
  if (await preferRevec()) return true;
  setFlagsFromString(`--no-${FLAG}`);
  return false;
}
