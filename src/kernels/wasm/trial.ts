/** Whether the variant for fused vectors is right, and faster than the ordinary one, in this engine as it is set now. */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { addModule } from './binaries.js';
import { deflated } from './generated/revec.js';
import { createWasm, useVariant, type WasmVariant } from './index.js';

/** Makes `revec` a variant that can be created. */
export function offerRevec(): void {
  addModule('revec', deflated);
}

/** Compares and times `revec` and `relaxed`; where the first is right and faster, it is the one used from now on. */
export async function preferRevec(): Promise<boolean> {
  offerRevec();
  const [fused, plain] = [await trial('revec'), await trial('relaxed')];
  // In turn, so that whatever else the machine does falls on both; long enough for the engine to compile them in earnest.
  const end = performance.now() + TRIAL_MS;
  while (performance.now() < end) {
    fused.round();
    plain.round();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const [a, b] = [fused.result(), plain.result()];
  const right = a.every((v, i) => Math.abs(v - b[i]!) <= 1e-4);
  const better = right && fused.fastest() < plain.fastest();
  if (better) useVariant('revec');
  return better;
}

const TRIAL_MS = 150;
const [ROWS, DEPTH, COLS] = [36, 128, 256];

/** A matrix whose elements are `value` of their index. */
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

/** A product, to be timed round by round, and the numbers that it and the cell give. */
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

/** A step of the cell and back, with a width that leaves a ragged end; often enough to be compiled in earnest. */
function cells(k: Kernels): number[] {
  const [N, H] = [5, 13];
  const wave = (rows: number, cols: number, phase: number) => filled(k, rows, cols, (i) => 2 * Math.sin(i + phase));
  const step = (phase: number) => ({
    gates: wave(N, 4 * H, phase),
    c: wave(N, H, phase + 1),
    h: wave(N, H, phase + 2),
  });
  const [y, d, before, dBefore] = [step(0), step(3), wave(N, H, 6), wave(N, H, 7)];
  for (let i = 0; i < 200; i++) {
    refill(k, y.gates, (j) => 3 * Math.cos(j));
    refill(k, d.c, Math.cos);
    k.lstmCell(y, before);
    k.lstmCellGrad(d, dBefore, y, before);
  }
  return [y.gates, y.c, y.h, d.gates, d.c, dBefore].flatMap((m) => [...k.host(m)!]);
}
