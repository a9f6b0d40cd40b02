/**
 * Compares the reference backend's matrix product with the fastest scalar JavaScript on this machine.
 *   npm run bench -- gemm
 * `bare tile` is an unrolled 4x4 register tile over packed operands of fixed sizes: it does only the multiply-adds. The
 * backend's product packs both operands in every call (`packed`: only the left one).
 */
import { selectKernels } from '../dist/index.js';
import { interleaved, machine, table, three } from './measure.mjs';

const [M, K, N] = [64, 256, 512];
const FLOPS = 2 * M * N * K;

function putRow(C, at, s0, s1, s2, s3) {
  C[at] = s0;
  C[at + 1] = s1;
  C[at + 2] = s2;
  C[at + 3] = s3;
}

/** Computes the 4x4 tile of C at row i and column j. */
function tile4x4(C, A, B, i, j) {
  let s00 = 0,
    s01 = 0,
    s02 = 0,
    s03 = 0;
  let s10 = 0,
    s11 = 0,
    s12 = 0,
    s13 = 0;
  let s20 = 0,
    s21 = 0,
    s22 = 0,
    s23 = 0;
  let s30 = 0,
    s31 = 0,
    s32 = 0,
    s33 = 0;
  for (let k = 0, p = i * K, q = j * K; k < K; k++, p += 4, q += 4) {
    const b0 = B[q],
      b1 = B[q + 1],
      b2 = B[q + 2],
      b3 = B[q + 3];
    const a0 = A[p],
      a1 = A[p + 1],
      a2 = A[p + 2],
      a3 = A[p + 3];
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
  }
  const at = i * N + j;
  putRow(C, at, s00, s01, s02, s03);
  putRow(C, at + N, s10, s11, s12, s13);
  putRow(C, at + 2 * N, s20, s21, s22, s23);
  putRow(C, at + 3 * N, s30, s31, s32, s33);
}

/** C = A B, with A packed in panels of 4 rows and B in panels of 4 columns. */
function bareTile(C, A, B) {
  for (let j = 0; j < N; j += 4) {
    for (let i = 0; i < M; i += 4) tile4x4(C, A, B, i, j);
  }
}

function naive(C, A, B) {
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += A[i * K + k] * B[k * N + j];
      C[i * N + j] = sum;
    }
  }
}

const pack = (count, at) =>
  Float32Array.from({ length: count * K }, (_, x) => {
    const [panel, k, lane] = [Math.floor(x / (4 * K)), Math.floor(x / 4) % K, x % 4];
    return at(4 * panel + lane, k);
  });

export async function run() {
  const k = await selectKernels({ backend: 'reference' });
  const a = Float32Array.from({ length: M * K }, (_, i) => Math.sin(i));
  const b = Float32Array.from({ length: K * N }, (_, i) => Math.cos(i));
  const matrix = (rows, cols, at) => {
    const m = k.alloc(rows, cols);
    k.upload(
      m,
      Float32Array.from({ length: rows * cols }, (_, i) => at(Math.floor(i / cols), i % cols)),
    );
    return m;
  };
  const A = matrix(M, K, (r, c) => a[r * K + c]);
  const At = matrix(K, M, (r, c) => a[c * K + r]);
  const B = matrix(K, N, (r, c) => b[r * N + c]);
  const Bt = matrix(N, K, (r, c) => b[c * N + r]);
  const packedB = k.allocPacked(K, N);
  k.pack(packedB, B, false);
  const [panelsA, panelsB] = [pack(M, (r, c) => a[r * K + c]), pack(N, (r, c) => b[c * N + r])];
  const out = k.alloc(M, N);
  const C = new Float32Array(M * N);
  const products = {
    'A B': () => k.gemm(out, A, B),
    "A' B": () => k.gemm(out, At, B, { transA: true }),
    "A B'": () => k.gemm(out, A, Bt, { transB: true }),
    "A' B'": () => k.gemm(out, At, Bt, { transA: true, transB: true }),
    'A B, packed': () => k.gemmPacked(out, A, packedB, false),
  };
  verify(C, a, b, panelsA, panelsB, products, k.host(out));
  const times = await interleaved({
    'naive triple loop': () => naive(C, a, b),
    'bare tile': () => bareTile(C, panelsA, panelsB),
    ...products,
  });
  const ceiling = times['bare tile'];
  console.log(`\nMatrix product ${M}x${K}x${N}, float32, plain JavaScript (${machine()})\n`);
  const rows = Object.entries(times).map(([name, { ms, min }]) => [
    name,
    three(ms),
    three(FLOPS / ms / 1e6),
    three(FLOPS / min / 1e6),
    `${Math.round((100 * ceiling.ms) / ms)} %`,
    `${Math.round((100 * ceiling.min) / min)} %`,
  ]);
  console.log(table(['', 'ms', 'GFLOP/s', 'best round', 'of bare tile', 'best of best'], rows));
}

/** Checks that all products give the same result before they are timed. */
function verify(C, a, b, panelsA, panelsB, products, out) {
  naive(C, a, b);
  const expected = C.slice();
  bareTile(C, panelsA, panelsB);
  const check = (name, values) => {
    const worst = values.reduce((w, v, i) => Math.max(w, Math.abs(v - expected[i])), 0);
    if (!(worst < 1e-4)) throw new Error(`${name} is off by ${worst}`);
  };
  check('bare tile', C);
  for (const [name, product] of Object.entries(products)) {
    out.fill(Number.NaN);
    product();
    check(name, out);
  }
}
