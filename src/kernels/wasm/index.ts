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
import type { WasmExports } from './exports.js';
import { relaxedBinary } from './generated/relaxed.js';
import { simdBinary } from './generated/simd.js';
import { Heap } from './heap.js';
import { Command, Team, type Window } from './team.js';

/**
 * Which instructions the module uses: `simd` multiplies and adds; `relaxed` does both in one; `revec` does too, with tiles
 * that pay where V8 fuses pairs of vectors (`revectorize` in unspool/node).
 */
export type WasmVariant = 'simd' | 'relaxed' | 'revec';

export interface WasmOptions {
  /** Threads that share the work, this one included. Default 1. */
  readonly threads?: number;
  /** Share work however small it is: for tests. Default false. */
  readonly shareAll?: boolean;
}

/** A window of the heap, and the view that was made of it, if one was. */
interface WasmMatrix extends Matrix, Window {
  data?: Float32Array;
}

interface WasmPacked extends PackedMatrix {
  readonly at: number;
}

/**
 * Work below these is done by one thread: waking and waiting for the others would cost more than they save. In
 * multiply-adds for products (those of the time loop, row by row, need no waiting, so they pay sooner), units for the
 * cell, elements for the rest. Measured on two cores by `npm run bench -- threads`.
 */
const WORTH_SHARING = { product: 2 ** 23, rowProduct: 2 ** 20, cell: 2 ** 11, elements: 2 ** 16, rows: 8 };
const ANYTHING = { product: 0, rowProduct: 0, cell: 0, elements: 0, rows: 1 };

/** The modules' bytes in base64. `revec` is added by who needs it, so that no page has to carry it. */
const binaries: Partial<Record<WasmVariant, string>> = { simd: simdBinary, relaxed: relaxedBinary };

export function addBinary(variant: WasmVariant, base64: string): void {
  binaries[variant] = base64;
}

const bytesOf = (variant: WasmVariant): Uint8Array<ArrayBuffer> => {
  const text = atob(binaries[variant] ?? '');
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

let found: WasmVariant | null | undefined;

/** The variant that is used here: the best one that this engine runs, or null where it has no WebAssembly SIMD. */
export function wasmVariant(): WasmVariant | null {
  if (found === undefined) {
    const runs = (variant: WasmVariant): boolean => Heap.isPossible() && WebAssembly.validate(bytesOf(variant));
    found = runs('relaxed') ? 'relaxed' : runs('simd') ? 'simd' : null;
  }
  return found;
}

/** Makes `variant` the one that is used from now on. */
export function useVariant(variant: WasmVariant): void {
  found = variant;
}

const modules = new Map<WasmVariant, Promise<WebAssembly.Module>>();

/** Compiles once a variant, and gives each caller a memory of its own. */
export async function createWasm(variant: WasmVariant, options: WasmOptions = {}): Promise<Kernels> {
  const { threads = 1, shareAll = false } = options;
  let compiled = modules.get(variant);
  if (!compiled) modules.set(variant, (compiled = WebAssembly.compile(bytesOf(variant))));
  const module = await compiled;
  const heap = new Heap();
  const env = { memory: heap.memory, log: Math.log };
  const { exports } = await WebAssembly.instantiate(module, { env });
  const x = exports as unknown as WasmExports;
  const edge = heap.alloc(4 * x.scratchFloats());
  const team = new Team(heap, x, module, threads, edge);
  return kernelsOver(variant, heap, x, edge, team, shareAll ? ANYTHING : WORTH_SHARING);
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

function kernelsOver(
  variant: WasmVariant,
  heap: Heap,
  x: WasmExports,
  edge: number,
  team: Team,
  least: typeof WORTH_SHARING,
): Kernels {
  const window = (m: Matrix): WasmMatrix => m as WasmMatrix;
  const at = (m: Matrix): number => window(m).at;
  const count = (m: Matrix): number => m.rows * m.cols;
  const alone = <T>(act: () => T): T => {
    team.settle();
    return act();
  };
  const host = (m: Matrix): FloatArray => {
    team.settle();
    const own = window(m);
    return (own.data ??= new Float32Array(heap.memory.buffer, own.at, count(m)));
  };
  const panels = scratch(heap);
  const numbers = scratch(heap);
  const weights = scratch(heap);
  /** Puts numbers from outside where the kernels can read them; 0 for none. */
  const integers = (values: Int32Array): number => {
    const address = numbers(4 * values.length);
    new Int32Array(heap.memory.buffer, address, values.length).set(values);
    return address;
  };
  const floats = (values: readonly number[] | undefined): number => {
    if (!values) return 0;
    const address = weights(4 * values.length);
    new Float32Array(heap.memory.buffer, address, values.length).set(values);
    return address;
  };
  const packTo = (address: number, b: Matrix, transB: boolean): void => {
    const [K, C] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
    if (K * C >= least.elements && team.shares()) {
      team.share(Command.pack, address, at(b), b.cols, K, C, transB ? 1 : 0);
    } else alone(() => (transB ? x.packBT : x.packB)(address, at(b), b.cols, K, C, 0, C));
  };

  return {
    name: 'wasm',
    variant,
    get threads() {
      return team.running;
    },
    precision: 'float32',
    alloc: (rows, cols) => alone(() => blockOf(heap, rows, cols)),
    view: (base, offset, rows, cols): WasmMatrix => ({
      rows,
      cols,
      at: at(base) + 4 * offset,
      base: window(base).base,
    }),
    free: (m) => alone(() => heap.release((m as WasmMatrix | WasmPacked).at)),
    upload: (out, data) => host(out).set(data),
    download: async (a) => new Float32Array(host(a)),
    host,
    dispose: () => team.dispose(),

    gemm(out, a, b, { transA = false, transB = false, accumulate = false } = {}) {
      const [R, C, K] = [out.rows, out.cols, transA ? a.rows : a.cols];
      const shared = R * C * K >= least.product && team.shares();
      const address = panels(4 * x.panelFloats(K, C));
      packTo(address, b, transB);
      // More rows than columns, and rows that lie as they are read: cut by rows, else by columns.
      if (!shared) alone(() => x.gemm(at(out), R, C, at(a), transA, address, K, accumulate, edge, 0, C));
      else if (R > C && !transA) team.share(Command.gemmRows, at(out), R, C, at(a), address, K, +accumulate);
      else team.share(Command.gemmColumns, at(out), R, C, at(a), address, K, +accumulate, +transA);
    },
    allocPacked(rows, cols) {
      const packed: WasmPacked = { rows, cols, at: heap.alloc(4 * x.panelFloats(rows, cols)) };
      return packed;
    },
    pack: (out, b, transB) => packTo((out as WasmPacked).at, b, transB),
    gemmPacked(out, a, b, accumulate) {
      const [R, C, K] = [out.rows, out.cols, b.rows];
      const packed = (b as WasmPacked).at;
      if (R >= least.rows && R * C * K >= least.rowProduct && team.shares()) {
        const windows = [window(out), window(a)];
        team.shareRows(Command.gemmRows, R, windows, at(out), R, C, at(a), packed, K, +accumulate);
      } else alone(() => x.gemm(at(out), R, C, at(a), false, packed, K, accumulate, edge, 0, C));
    },

    fillRows(out, row) {
      if (count(out) >= least.elements && team.shares()) {
        team.share(Command.fillRows, at(out), out.rows, at(row), out.cols);
      } else alone(() => x.fillRows(at(out), at(row), out.rows, out.cols));
    },
    sumRows(out, a) {
      if (count(a) >= least.elements && team.shares()) {
        team.share(Command.sumRows, at(out), a.cols, at(a), a.rows);
      } else alone(() => x.sumRows(at(out), at(a), a.rows, a.cols, a.cols));
    },
    gatherRows: (out, table, ids) => alone(() => x.gatherRows(at(out), at(table), integers(ids), out.rows, out.cols)),
    scatterAddRows: (table, ids, a) => alone(() => x.scatterAddRows(at(table), integers(ids), at(a), a.rows, a.cols)),
    fill(out, value) {
      if (count(out) >= least.elements && team.shares()) team.share(Command.fill, at(out), count(out), value);
      else alone(() => x.fill(at(out), value, count(out)));
    },
    copy: (out, a) => host(out).set(host(a)),
    add(out, a, b) {
      if (count(out) >= least.elements && team.shares()) team.share(Command.add, at(out), count(out), at(a), at(b));
      else alone(() => x.add(at(out), at(a), at(b), count(out)));
    },

    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const args = [at(y.gates), at(y.c), at(y.h), at(cPrev), N, H] as const;
      if (N >= least.rows && N * H >= least.cell && team.shares()) {
        team.shareRows(Command.cell, N, [y.gates, y.c, y.h, cPrev].map(window), ...args);
      } else alone(() => x.lstmCell(...args));
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const matrices = [d.gates, d.c, d.h, dcPrev, y.gates, y.c, cPrev];
      const args = [...matrices.map(at), N, H];
      if (N >= least.rows && N * H >= least.cell && team.shares()) {
        team.shareRows(Command.cellGrad, N, matrices.map(window), ...args);
      } else alone(() => x.lstmCellGrad(...args));
    },

    softmaxCrossEntropy(loss, p, z, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const value = host(loss);
      const scale = 1 / crossEntropyDivisor(targets, options);
      const more = [floats(classWeights), ignoreIndex, labelSmoothing, scale] as const;
      value[0] = x.softmaxCrossEntropy(at(p), at(z), integers(targets), z.rows, z.cols, ...more);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
      const scale = 1 / crossEntropyDivisor(targets, options);
      const sum = classWeights ? classWeights.reduce((a, b) => a + b, 0) : dz.cols;
      const more = [floats(classWeights), sum, ignoreIndex, labelSmoothing, scale] as const;
      alone(() => x.softmaxCrossEntropyGrad(at(dz), at(p), integers(targets), dz.rows, dz.cols, ...more));
    },
    meanSquaredError(loss, y, target) {
      host(loss)[0] = x.meanSquaredError(at(y), at(target), count(y));
    },
    meanSquaredErrorGrad: (dy, y, target) => alone(() => x.meanSquaredErrorGrad(at(dy), at(y), at(target), count(y))),
    binaryCrossEntropy(loss, z, target) {
      host(loss)[0] = x.binaryCrossEntropy(at(z), at(target), count(z));
    },
    binaryCrossEntropyGrad: (dz, z, target) =>
      alone(() => x.binaryCrossEntropyGrad(at(dz), at(z), at(target), count(z))),

    clipNorm(norm, a, limit) {
      const length = Math.sqrt(alone(() => x.sumSquares(at(a), count(a))));
      host(norm)[0] = length;
      const factor = limit / (length + 1e-6); // the 1e-6 is PyTorch's guard against a norm of 0
      if (factor < 1) x.scale(at(a), factor, count(a));
    },
    clipValue: (a, limit) => alone(() => x.clipValue(at(a), limit, count(a))),
    sgdUpdate(w, g, velocity, o) {
      const u = velocity ? at(velocity) : 0;
      const more = [o.rate, o.momentum, o.dampening, o.nesterov, o.weightDecay, o.first] as const;
      alone(() => x.sgd(at(w), at(g), u, count(w), ...more));
    },
    adamUpdate(w, g, m, v, { rate, beta1, beta2, eps, weightDecay, decoupled, step }) {
      const size = rate / (1 - beta1 ** step);
      const correct2 = Math.sqrt(1 - beta2 ** step);
      const shrink = decoupled ? 1 - rate * weightDecay : 1;
      const l2 = decoupled ? 0 : weightDecay;
      const numbers = [beta1, 1 - beta1, beta2, 1 - beta2, size, correct2, eps, shrink, l2];
      if (count(w) >= least.elements && team.shares()) {
        team.share(Command.adam, at(w), count(w), at(g), at(m), at(v), ...numbers);
      } else alone(() => x.adam(at(w), at(g), at(m), at(v), count(w), ...numbers));
    },
  };
}

function blockOf(heap: Heap, rows: number, cols: number): WasmMatrix {
  const at = heap.alloc(4 * rows * cols);
  return { rows, cols, at, base: at };
}
