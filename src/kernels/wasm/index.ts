/**
 * The wasm backend: the same instructions in SIMD WebAssembly, float32. The kernels are in assembly/ (AssemblyScript); this
 * file gives them addresses. It runs wherever WebAssembly has SIMD and threads' shared memory: Node, Deno, Bun, browsers.
 */
import {
  crossEntropyDivisor,
  type FloatArray,
  type Kernels,
  type Matrix,
  type PackedMatrix,
} from '../../core/kernels.js';
import { relaxedBinary } from './generated/relaxed.js';
import { simdBinary } from './generated/simd.js';
import { Heap } from './heap.js';

/** Which instructions the module uses: `relaxed` has fused multiply-add. */
export type WasmVariant = 'simd' | 'relaxed';

interface WasmMatrix extends Matrix {
  readonly at: number; // address in bytes
  data?: Float32Array;
}

interface WasmPacked extends PackedMatrix {
  readonly at: number;
}

type Exports = {
  readonly [name in
    | 'gemm'
    | 'packB'
    | 'packBT'
    | 'lstmCell'
    | 'lstmCellGrad'
    | 'add'
    | 'fill'
    | 'fillRows'
    | 'gatherRows'
    | 'scatterAddRows'
    | 'sumRows'
    | 'binaryCrossEntropyGrad'
    | 'meanSquaredErrorGrad'
    | 'softmaxCrossEntropyGrad'
    | 'adam'
    | 'clipValue'
    | 'scale'
    | 'sgd']: (...args: (number | boolean)[]) => void;
} & {
  readonly [name in
    | 'panelFloats'
    | 'scratchFloats'
    | 'binaryCrossEntropy'
    | 'meanSquaredError'
    | 'softmaxCrossEntropy'
    | 'sumSquares']: (...args: number[]) => number;
};

const BINARIES: Readonly<Record<WasmVariant, string>> = { simd: simdBinary, relaxed: relaxedBinary };

const bytesOf = (variant: WasmVariant): Uint8Array<ArrayBuffer> => {
  const text = atob(BINARIES[variant]);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

let found: WasmVariant | null | undefined;

/** The best variant that this engine can run, or null where it has no WebAssembly SIMD. */
export function wasmVariant(): WasmVariant | null {
  if (found === undefined) {
    const runs = (variant: WasmVariant): boolean =>
      typeof WebAssembly === 'object' &&
      typeof SharedArrayBuffer !== 'undefined' &&
      WebAssembly.validate(bytesOf(variant));
    found = runs('relaxed') ? 'relaxed' : runs('simd') ? 'simd' : null;
  }
  return found;
}

const modules = new Map<WasmVariant, Promise<WebAssembly.Module>>();

/** Compiles once a variant, and gives each caller a memory of its own. */
export async function createWasm(variant: WasmVariant): Promise<Kernels> {
  let module = modules.get(variant);
  if (!module) modules.set(variant, (module = WebAssembly.compile(bytesOf(variant))));
  const heap = new Heap();
  const env = { memory: heap.memory, log: Math.log };
  const { exports } = await WebAssembly.instantiate(await module, { env });
  return kernelsOver(heap, exports as unknown as Exports);
}

/** A block that grows to the largest size asked for and is kept: a training step allocates nothing. */
function scratch(heap: Heap): (bytes: number) => number {
  let at = 0;
  let size = 0;
  return (bytes) => {
    if (bytes > size) {
      if (at) heap.release(at);
      at = heap.alloc(bytes);
      size = bytes;
    }
    return at;
  };
}

function kernelsOver(heap: Heap, x: Exports): Kernels {
  const at = (m: Matrix): number => (m as WasmMatrix).at;
  const count = (m: Matrix): number => m.rows * m.cols;
  const matrix = (rows: number, cols: number, address: number): WasmMatrix => ({ rows, cols, at: address });
  const host = (m: Matrix): FloatArray => {
    const own = m as WasmMatrix;
    return (own.data ??= new Float32Array(heap.memory.buffer, own.at, count(m)));
  };
  const edge = heap.alloc(4 * x.scratchFloats());
  const panels = scratch(heap);
  const numbers = scratch(heap);
  const integers = (values: Int32Array): number => {
    const address = numbers(4 * values.length);
    new Int32Array(heap.memory.buffer, address, values.length).set(values);
    return address;
  };
  const weights = scratch(heap);
  const floats = (values: readonly number[] | undefined): number => {
    if (!values) return 0;
    const address = weights(4 * values.length);
    new Float32Array(heap.memory.buffer, address, values.length).set(values);
    return address;
  };
  const packTo = (address: number, b: Matrix, transB: boolean): void => {
    if (transB) x.packBT(address, at(b), b.cols, b.cols, b.rows);
    else x.packB(address, at(b), b.cols, b.rows, b.cols);
  };

  return {
    name: 'wasm',
    precision: 'float32',
    alloc: (rows, cols) => matrix(rows, cols, heap.alloc(4 * rows * cols)),
    view: (base, offset, rows, cols) => matrix(rows, cols, at(base) + 4 * offset),
    free: (m) => heap.release(at(m)),
    upload: (out, data) => host(out).set(data),
    download: async (a) => new Float32Array(host(a)),
    host,
    gemm(out, a, b, { transA = false, transB = false, accumulate = false } = {}) {
      const K = transA ? a.rows : a.cols;
      const address = panels(4 * x.panelFloats(K, out.cols));
      packTo(address, b, transB);
      x.gemm(at(out), out.rows, out.cols, at(a), transA, address, K, accumulate, edge, 0, out.cols);
    },
    allocPacked(rows, cols) {
      const packed: WasmPacked = { rows, cols, at: heap.alloc(4 * x.panelFloats(rows, cols)) };
      return packed;
    },
    pack: (out, b, transB) => packTo((out as WasmPacked).at, b, transB),
    gemmPacked(out, a, b, accumulate) {
      x.gemm(at(out), out.rows, out.cols, at(a), false, (b as WasmPacked).at, b.rows, accumulate, edge, 0, out.cols);
    },
    fillRows: (out, row) => x.fillRows(at(out), at(row), out.rows, out.cols),
    sumRows: (out, a) => x.sumRows(at(out), at(a), a.rows, a.cols),
    gatherRows: (out, table, ids) => x.gatherRows(at(out), at(table), integers(ids), out.rows, out.cols),
    scatterAddRows: (table, ids, a) => x.scatterAddRows(at(table), integers(ids), at(a), a.rows, a.cols),
    fill: (out, value) => x.fill(at(out), value, count(out)),
    copy: (out, a) => host(out).set(host(a)),
    add: (out, a, b) => x.add(at(out), at(a), at(b), count(out)),
    lstmCell: (y, cPrev) => x.lstmCell(at(y.gates), at(y.c), at(y.h), at(cPrev), y.h.rows, y.h.cols),
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      x.lstmCellGrad(at(d.gates), at(d.c), at(d.h), at(dcPrev), at(y.gates), at(y.c), at(cPrev), N, H);
    },
    softmaxCrossEntropy(loss, p, z, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const ids = integers(targets);
      const scale = 1 / crossEntropyDivisor(targets, options);
      const w = floats(classWeights);
      host(loss)[0] = x.softmaxCrossEntropy(at(p), at(z), ids, z.rows, z.cols, w, ignoreIndex, labelSmoothing, scale);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const ids = integers(targets);
      const scale = 1 / crossEntropyDivisor(targets, options);
      const sum = classWeights ? classWeights.reduce((a, b) => a + b, 0) : dz.cols;
      const w = floats(classWeights);
      x.softmaxCrossEntropyGrad(at(dz), at(p), ids, dz.rows, dz.cols, w, sum, ignoreIndex, labelSmoothing, scale);
    },
    meanSquaredError(loss, y, target) {
      host(loss)[0] = x.meanSquaredError(at(y), at(target), count(y));
    },
    meanSquaredErrorGrad: (dy, y, target) => x.meanSquaredErrorGrad(at(dy), at(y), at(target), count(y)),
    binaryCrossEntropy(loss, z, target) {
      host(loss)[0] = x.binaryCrossEntropy(at(z), at(target), count(z));
    },
    binaryCrossEntropyGrad: (dz, z, target) => x.binaryCrossEntropyGrad(at(dz), at(z), at(target), count(z)),
    clipNorm(norm, a, limit) {
      const length = Math.sqrt(x.sumSquares(at(a), count(a)));
      host(norm)[0] = length;
      const factor = limit / (length + 1e-6); // the 1e-6 is PyTorch's guard against a norm of 0
      if (factor < 1) x.scale(at(a), factor, count(a));
    },
    clipValue: (a, limit) => x.clipValue(at(a), limit, count(a)),
    sgdUpdate(w, g, velocity, o) {
      const u = velocity ? at(velocity) : 0;
      x.sgd(at(w), at(g), u, count(w), o.rate, o.momentum, o.dampening, o.nesterov, o.weightDecay, o.first);
    },
    adamUpdate(w, g, m, v, { rate, beta1, beta2, eps, weightDecay, decoupled, step }) {
      const size = rate / (1 - beta1 ** step);
      const correct2 = Math.sqrt(1 - beta2 ** step);
      const shrink = decoupled ? 1 - rate * weightDecay : 1;
      const l2 = decoupled ? 0 : weightDecay;
      const means = [beta1, 1 - beta1, beta2, 1 - beta2];
      x.adam(at(w), at(g), at(m), at(v), count(w), ...means, size, correct2, eps, shrink, l2);
    },
  };
}
