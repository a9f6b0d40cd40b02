/**
 * Connectionist temporal classification (L8), (L8') on the device: one kernel for each time step, which advances all
 * sequences forward and backward together, and a few over all time steps. The derivation is in kernels/shared/ctc.ts.
 * The host knows labels and lengths: it prepares which position follows which, and finds the labels that do not fit
 * into their time steps.
 */
import type { CtcTargets, Matrix } from '../../../contract/kernels.js';
import { tooLarge } from '../device/faults.js';
import { rowsOf } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, pieceOf } from '../record/values.js';
import { latticeStep, latticeTotals, NEVER, pathGrad, pathLoss } from '../shaders/ctc.js';
import { sumOf } from './sums.js';

/** The positions of a sequence, blank l1 blank l2 ... blank, and its weight in the loss. */
interface Path {
  readonly classes: readonly number[];
  readonly last: number;
  /** Whether its labels fit into its time steps: equal neighbors need a blank between them. */
  readonly fits: boolean;
  readonly share: number;
}

function pathsOf({ batchSize, labels, lengths, blank, reduction, zeroInfinity }: CtcTargets): Path[] {
  const S = labels.length / batchSize;
  return Array.from({ length: batchSize }, (_, n) => {
    const padded = [...labels.subarray(n * S, (n + 1) * S), -1];
    const own = padded.slice(
      0,
      padded.findIndex((label) => label < 0),
    );
    const repeats = own.filter((label, s) => s > 0 && label === own[s - 1]).length;
    const fits = lengths[n]! >= Math.max(1, own.length + repeats);
    const scale = reduction === 'sum' ? 1 : 1 / (batchSize * Math.max(1, own.length));
    return {
      classes: [blank, ...own.flatMap((label) => [label, blank])],
      last: lengths[n]! - 1,
      fits,
      share: fits ? scale : zeroInfinity ? 0 : Number.NaN, // an infinite loss has no gradient
    };
  });
}

/**
 * For each position of each row, and of the reversed rows: its class, and whether it can be reached from two positions
 * before.
 */
function positions(paths: readonly Path[], U: number, blank: number): Float32Array {
  const out = new Float32Array(paths.length * 4 * U);
  const turned = paths.map(({ classes }) => classes.toReversed());
  for (const [row, classes] of [...paths.map((path) => path.classes), ...turned].entries()) {
    for (let u = 0; u < U; u++) {
      const k = classes[u] ?? -1;
      out.set([k, Number(u > 1 && k !== blank && k !== classes[u - 2])], 2 * (row * U + u));
    }
  }
  return out;
}

/** The first rows of the lattice: a path starts at the first position or the second. Nothing is subtracted yet. */
function firstRows(paths: readonly Path[], U: number): Float32Array {
  const out = new Float32Array(2 * paths.length * (U + 1)).fill(NEVER);
  for (let row = 0; row < 2 * paths.length; row++) {
    const begin = row * (U + 1);
    out[begin] = 0;
    if (paths[row % paths.length]!.classes.length > 1) out[begin + 1] = 0;
    out[begin + U] = 0;
  }
  return out;
}

/** For each row of the lattice: the row of its first logits, the distance to the next, and its last time step. */
const readings = (paths: readonly Path[]): Float32Array =>
  Float32Array.from([
    ...paths.flatMap(({ last }, n) => [n, paths.length, last]),
    ...paths.flatMap(({ last }, n) => [last * paths.length + n, -paths.length, last]),
  ]);

/**
 * For each row of the logits: its sequence, where the lattice has the paths up to it and the paths after it (from the
 * last position down), and its weight in the loss, 0 after the end of a sequence.
 */
function places(paths: readonly Path[], T: number, U: number): Float32Array {
  const N = paths.length;
  const out = new Float32Array(4 * T * N);
  for (const [n, { classes, last, share }] of paths.entries()) {
    for (let t = 0; t <= last; t++) {
      const before = (t * 2 * N + n) * (U + 1);
      const after = ((last - t) * 2 * N + N + n) * (U + 1) + classes.length - 1;
      out.set([n, before, after, share], 4 * (t * N + n));
    }
  }
  return out;
}

/** Where the positions of each class of each sequence begin in this array, and then the positions. */
function byClass(paths: readonly Path[], C: number): Float32Array {
  const begins: number[] = [];
  const order: number[] = [];
  const listStart = paths.length * (C + 1);
  for (const { classes } of paths) {
    const of = new Map<number, number[]>();
    for (const k of classes) of.set(k, []);
    for (const [u, k] of classes.entries()) of.get(k)!.push(u);
    for (let k = 0; k <= C; k++) {
      begins.push(listStart + order.length);
      order.push(...(of.get(k) ?? []));
    }
  }
  return Float32Array.from([...begins, ...order]);
}

/** Throws `OUT_OF_MEMORY` if the lattice does not fit into one value. */
function requireFits({ executor: { maxElements } }: Recorder, size: number): void {
  if (size <= maxElements) return;
  throw tooLarge(size, maxElements, 'The lattice of CTC', 'the batch, the steps or the labels of a sequence');
}

/**
 * Writes the loss, and its gradient by the logits. `stats`: for each row the largest logit, and log sum_k e^(z[k] -
 * max).
 */
export function ctc(
  rec: Recorder,
  [loss, dlogits]: readonly [Matrix, Matrix],
  logits: Matrix,
  stats: Piece,
  targets: CtcTargets,
): void {
  const { steps: T, batchSize: N, labels, blank } = targets;
  const C = logits.cols;
  const U = (2 * labels.length) / N + 1;
  requireFits(rec, T * 2 * N * (U + 1));
  const paths = pathsOf(targets);
  const [z, l, r] = [rec.read(logits), rec.fromHost(positions(paths, U, blank)), rec.fromHost(readings(paths))];
  const lattice = rec.alloc(T * 2 * N, U + 1);
  let p = rec.fromHost(firstRows(paths, U));
  for (let t = 0; t < T; t++) {
    if (t > 0) p = pieceOf(rec.call(latticeStep(2 * N, U, C, t - 1), [p, l, r, z, stats]));
    rec.write(rowsOf(lattice, t * 2 * N, (t + 1) * 2 * N), p.value);
  }
  const [a, f] = [rec.read(lattice), rec.fromHost(places(paths, T, U))];
  const m = pieceOf(rec.call(latticeTotals(T * N, U, C), [f, a, l, z, stats]));
  if (paths.some(({ share }) => Number.isNaN(share))) rec.write(loss, rec.constant(1, Number.POSITIVE_INFINITY));
  else {
    const ends = rec.fromHost(Float32Array.from(paths.flatMap(({ last, share }) => [last, share])));
    const each = pieceOf(rec.call(pathLoss(N, U, T), [a, m, ends]));
    rec.write(loss, sumOf(rec, each, N).value);
  }
  rec.write(dlogits, rec.call(pathGrad(T * N, C), [f, a, rec.fromHost(byClass(paths, C)), m, z, stats]));
  rec.free(lattice);
}
