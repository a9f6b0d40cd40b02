/** Decides whether `revec`, the variant for fused vectors, is correct and faster than `relaxed` in this engine. */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { addModule } from './binaries.js';
import { deflated } from './generated/revec.js';
import { deflated as variants } from './generated/revec-variants.js';
import { createWasm, useVariant, type WasmVariant } from './index.js';

/** Adds `revec` to the variants that can be created. */
export function offerRevec(): void {
  addModule('revec', deflated);
  addModule('revec-variants', variants);
}

/** Compares and times `revec` and `relaxed`, and uses `revec` from now on if it is correct and faster. Returns whether it is. */
export async function preferRevec(): Promise<boolean> {
  offerRevec();
  const [fused, plain] = [await trial('revec'), await trial('relaxed')];
  // Alternate, so that other load affects both equally, and run until the optimizing compiler has compiled both.
  const end = performance.now() + TRIAL_MS;
  while (performance.now() < end) {
    fused.round();
    plain.round();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const [a, b] = [fused.result(), plain.result()];
  const correct = a.every((v, i) => Math.abs(v - b[i]!) <= 1e-4);
  const better = correct && fused.fastest() < plain.fastest();
  if (better) useVariant('revec');
  return better;
}

const TRIAL_MS = 150;
const [ROWS, DEPTH, COLS] = [36, 128, 256];

/** A matrix with element i = value(i). */
function filled(k: Kernels, rows: number, cols: number, value: (i: number) => number): Matrix {
  const m = k.alloc(rows, cols);
  refill(k, m, value);
  return m;
}

function refill(k: Kernels, m: Matrix, value: (i: number) => number): void {
  k.upload(
    m,
    Float32Array.from({ length: m.rows * m.cols }, (_, i) => value(i)),
  );
}

/** A product that can be timed round by round, and the results of the product and of the cell. */
async function trial(variant: WasmVariant) {
  const k = await createWasm(variant);
  const [a, b] = [filled(k, ROWS, DEPTH, Math.sin), filled(k, DEPTH, COLS, Math.sin)];
  const out = k.alloc(ROWS, COLS);
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
    result: () => [...k.host(out)!, ...cells(k)],
  };
}

/** The cell forward and backward, with a width that is not a multiple of 4, repeated until the optimizing compiler has run. */
function cells(k: Kernels): number[] {
  const [N, H] = [5, 13];
  const wave = (rows: number, cols: number, phase: number) => filled(k, rows, cols, (i) => 2 * Math.sin(i + phase));
  const step = (phase: number) => ({
    gates: wave(N, 4 * H, phase),
    c: wave(N, H, phase + 1),
    h: wave(N, H, phase + 2),
  });
  const [y, d, cPrev, dcPrev] = [step(0), step(3), wave(N, H, 6), wave(N, H, 7)];
  for (let i = 0; i < 200; i++) {
    refill(k, y.gates, (j) => 3 * Math.cos(j));
    refill(k, d.c, Math.cos);
    k.lstmCell(y, cPrev);
    k.lstmCellGrad(d, dcPrev, y, cPrev);
  }
  return [y.gates, y.c, y.h, d.gates, d.c, dcPrev].flatMap((m) => [...k.host(m)!]);
}
