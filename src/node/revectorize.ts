/**
 * V8 can fuse pairs of 128-bit WebAssembly vectors into one of AVX2's 256 bits. It is an experimental flag of the engine, off by
 * default and for the whole process once set, so it is asked for here, tried, and kept only where it is right and pays.
 */
import { setFlagsFromString } from 'node:v8';
import type { Kernels } from '../core/kernels.js';
import { createWasm, useVariant, type WasmVariant, wasmVariant } from '../kernels/wasm/index.js';

const FLAG = 'experimental-wasm-revectorize';
const OLDEST_NODE = 24; // older engines have a flag of that name, but not yet the instructions that our tiles need

/**
 * Turns the flag on for this process, compares the results with those of the ordinary kernels, measures both, and leaves
 * the faster in use for every model created from now on. Returns whether that is the fused one; takes a fifth of
 * a second. For the command line, and for programs that own their process.
 */
export async function revectorize(): Promise<boolean> {
  const ordinary = wasmVariant();
  const major = Number.parseInt(process.versions.node, 10);
  const isV8 =
    process.versions.v8 !== undefined && process.versions.bun === undefined && process.versions.deno === undefined;
  if (ordinary !== 'relaxed' || !isV8 || major < OLDEST_NODE || process.arch !== 'x64') return false;
  setFlagsFromString(`--${FLAG}`);
  const [fused, plain] = [await trial('revec'), await trial('relaxed')];
  // In turn, so that whatever else the machine does falls on both; long enough for the engine to compile them in earnest.
  const end = performance.now() + TRIAL_MS;
  while (performance.now() < end) {
    fused.round();
    plain.round();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [a, b] = [await fused.result(), await plain.result()];
  const right = a.every((v, i) => Math.abs(v - b[i]!) <= 1e-4);
  if (right && fused.fastest() < plain.fastest()) {
    useVariant('revec');
    return true;
  }
  setFlagsFromString(`--no-${FLAG}`);
  return false;
}

const TRIAL_MS = 150;
const [ROWS, DEPTH, COLS] = [36, 128, 256];

/** A product, to be timed round by round, and the numbers that it and the cell give. */
async function trial(variant: WasmVariant) {
  const k = await createWasm(variant);
  const numbers = (rows: number, cols: number) => {
    const m = k.alloc(rows, cols);
    k.upload(
      m,
      Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i)),
    );
    return m;
  };
  const [a, b, out] = [numbers(ROWS, DEPTH), numbers(DEPTH, COLS), numbers(ROWS, COLS)];
  const packed = k.allocPacked(DEPTH, COLS);
  k.pack(packed, b, false);
  let fastest = Number.POSITIVE_INFINITY;
  return {
    round() {
      const start = performance.now();
      for (let i = 0; i < 4; i++) k.gemmPacked(out, a, packed, false);
      fastest = Math.min(fastest, performance.now() - start);
    },
    fastest: () => fastest,
    result: async () => [...k.host(out)!, ...(await cells(k))],
  };
}

/** A step of the cell and back, with a width that leaves a ragged end. */
async function cells(k: Kernels): Promise<number[]> {
  const [N, H] = [5, 13];
  const numbers = (rows: number, cols: number, phase: number) => {
    const m = k.alloc(rows, cols);
    k.upload(
      m,
      Float32Array.from({ length: rows * cols }, (_, i) => 2 * Math.sin(i + phase)),
    );
    return m;
  };
  const step = (phase: number) => ({
    gates: numbers(N, 4 * H, phase),
    c: numbers(N, H, phase + 1),
    h: numbers(N, H, phase + 2),
  });
  const [y, d, before, dBefore] = [step(0), step(3), numbers(N, H, 6), numbers(N, H, 7)];
  for (let i = 0; i < 200; i++) {
    k.upload(
      y.gates,
      Float32Array.from({ length: 4 * N * H }, (_, j) => 3 * Math.cos(j)),
    );
    k.upload(
      d.c,
      Float32Array.from({ length: N * H }, (_, j) => Math.cos(j)),
    );
    k.lstmCell(y, before);
    k.lstmCellGrad(d, dBefore, y, before);
  }
  return [y.gates, y.c, y.h, d.gates, d.c, dBefore].flatMap((m) => [...k.host(m)!]);
}
