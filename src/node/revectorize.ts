/**
 * V8 can fuse pairs of 128-bit WebAssembly vectors into one of AVX2's 256 bits. It is an experimental flag of the engine, off by
 * default and for the whole process once set, so it is asked for here, tried, and kept only where it is right and pays.
 */
import { setFlagsFromString } from 'node:v8';
import { describeBackend, preferRevec } from '../kernels/select.js';

const FLAG = 'experimental-wasm-revectorize';
const OLDEST_NODE = 24; // older engines have a flag of that name, but not yet the instructions that our tiles need

/**
 * Turns the flag on for this process, compares the results with those of the ordinary kernels, times both, and leaves the
 * faster in use for every model created from now on. Returns whether that is the fused one; takes a fifth of a second
 * where there is something to try. For the command line, and for programs that own their process.
 */
export async function revectorize(): Promise<boolean> {
  const { v8, bun, deno, node } = process.versions;
  const isNode = v8 !== undefined && bun === undefined && deno === undefined;
  if (!isNode || Number.parseInt(node, 10) < OLDEST_NODE || process.arch !== 'x64') return false;
  if (describeBackend().variant !== 'relaxed') return false;
  setFlagsFromString(`--${FLAG}`);
  if (await preferRevec()) return true;
  setFlagsFromString(`--no-${FLAG}`);
  return false;
}
