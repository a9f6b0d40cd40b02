/**
 * Imitates koffi with a library of one function, cblas_sgemm, which computes in JavaScript in the memory whose address is taken. It keeps the
 * calls of the thread, so that a test can compare them.
 */
let numbers = new Float32Array(0);
exports.calls = [];
exports.address = (view) => {
  numbers = new Float32Array(view.buffer);
  return 4096n; // addresses that are not offsets
};

const element = (base, row, column, ld, isTransposed) =>
  numbers[(base - 4096) / 4 + (isTransposed ? column * ld + row : row * ld + column)];

function sgemm(order, transA, transB, M, N, K, alpha, a, lda, b, ldb, beta, c, ldc) {
  exports.calls.push([order, transA, transB, M, N, K, alpha, a, lda, b, ldb, beta, c, ldc]);
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += element(a, i, k, lda, transA === 112) * element(b, k, j, ldb, transB === 112);
      const at = (c - 4096) / 4 + i * ldc + j;
      numbers[at] = alpha * sum + (beta === 0 ? 0 : beta * numbers[at]);
    }
  }
}

exports.load = (path) => ({
  func(name) {
    if (name === 'cblas_sgemm') return sgemm;
    return (value) => void exports.calls.push([path, name, value]);
  },
});
