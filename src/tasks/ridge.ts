/** Ridge regression by the normal equations and a Cholesky decomposition. */

/** The weights w that minimize sum (x w - y)^2 + lambda |w|^2. */
export function ridge(rows: readonly Float64Array[], targets: readonly number[], lambda: number): Float64Array {
  const n = rows[0]?.length ?? 0;
  const matrix = new Float64Array(n * n);
  const result = new Float64Array(n);
  const used = new Int32Array(n);
  rows.forEach((x, r) => {
    let count = 0;
    for (let i = 0; i < n; i++) if (x[i] !== 0) used[count++] = i; // most calendar inputs are 0
    for (let a = 0; a < count; a++) {
      const i = used[a]!;
      result[i]! += x[i]! * targets[r]!;
      for (let b = 0; b <= a; b++) matrix[i * n + used[b]!]! += x[i]! * x[used[b]!]!;
    }
  });
  for (let i = 0; i < n; i++) matrix[i * n + i]! += lambda;
  // The lower triangle becomes L, with matrix = L L'.
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k]! * matrix[j * n + k]!;
      matrix[i * n + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * n + j]!;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) result[i]! -= matrix[i * n + k]! * result[k]!;
    result[i]! /= matrix[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) result[i]! -= matrix[k * n + i]! * result[k]!;
    result[i]! /= matrix[i * n + i]!;
  }
  return result;
}
