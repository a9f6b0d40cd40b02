/**
 * Attention over the encoder's outputs e_1..e_S, for one query q: scores, their softmax, and the mean of the outputs under it.
 *
 *   (T1) s_j = q . e_j               dot      (Luong et al. 2015, eq. 8)
 *        s_j = q W e_j               general
 *        s_j = v . tanh(A q + U e_j) additive (Bahdanau et al. 2015, appendix A.1.2)
 *   (T2) w = softmax(s), over the steps that the sequence has
 *   (T3) c = sum_j w_j e_j
 *
 * Backwards, from dc = dL/dc, each undoing the one above:
 *   (T3') dw_j = dc . e_j;  de_j += w_j dc
 *   (T2') ds_j = w_j (dw_j - sum_k w_k dw_k)
 *   (T1') dot       dq += ds_j e_j;      de_j += ds_j q
 *         general   dq += ds_j W e_j;    de_j += ds_j W' q;   dW += ds_j q e_j'
 *         additive  with r_j = tanh(A q + U e_j), dp_j = ds_j v (1 - r_j^2):
 *                   dv += ds_j r_j;  dA += dp_j q';  dU += dp_j e_j';  dq += A' dp_j;  de_j += U' dp_j
 *
 * Matrices are row by row, [H, H]; `e` holds S rows of H numbers.
 */

/** Names and shapes of what each kind learns. */
export const attentionParameters = (kind, H) => {
  if (kind === 'general') return [{ name: 'W', shape: [H, H] }];
  if (kind !== 'additive') return [];
  return [
    { name: 'A', shape: [H, H] },
    { name: 'U', shape: [H, H] },
    { name: 'v', shape: [H] },
  ];
};

const dot = (a, b, at, H) => {
  let sum = 0;
  for (let h = 0; h < H; h++) sum += a[h] * b[at + h];
  return sum;
};

/** out += factor * M x, or M' x. */
const addProduct = (out, factor, M, x, H, transposed = false) => {
  for (let r = 0; r < H; r++) {
    for (let c = 0; c < H; c++) out[transposed ? c : r] += factor * M[r * H + c] * x[transposed ? r : c];
  }
};

/** M += factor * a b' */
const addOuter = (M, factor, a, b, H) => {
  for (let r = 0; r < H; r++) for (let c = 0; c < H; c++) M[r * H + c] += factor * a[r] * b[c];
};

/** U e_j of every step, [S, H]: the same for every query. Null where the kind has none. */
export function keysOf(kind, p, e, S, H) {
  if (kind !== 'additive') return null;
  const keys = new Float64Array(S * H);
  for (let j = 0; j < S; j++) addProduct(keys.subarray(j * H, (j + 1) * H), 1, p.U, e.subarray(j * H, (j + 1) * H), H);
  return keys;
}

/** dU += dk_j e_j' and de_j += U' dk_j, once all queries have added to `dKeys`. */
export function keysGrad(p, d, e, dKeys, de, S, H) {
  for (let j = 0; j < S; j++) {
    const [own, dk] = [e.subarray(j * H, (j + 1) * H), dKeys.subarray(j * H, (j + 1) * H)];
    addOuter(d.U, 1, dk, own, H);
    addProduct(de.subarray(j * H, (j + 1) * H), 1, p.U, dk, H, true);
  }
}

/** (T1)-(T3). `p`: the parameters by name. Gives what the backward pass needs. */
export function attend(kind, p, q, e, keys, S) {
  const H = q.length;
  const asked = new Float64Array(H); // what the steps are compared with: q, W' q, or A q
  if (kind === 'dot') asked.set(q);
  else addProduct(asked, 1, kind === 'general' ? p.W : p.A, q, H, kind === 'general');
  const tanhs = [];
  const scores = Array.from({ length: S }, (_, j) => {
    if (kind !== 'additive') return dot(asked, e, j * H, H); // (T1)
    tanhs.push(asked.map((a, h) => Math.tanh(a + keys[j * H + h])));
    return dot(p.v, tanhs[j], 0, H);
  });
  const top = Math.max(...scores);
  const powers = scores.map((s) => Math.exp(s - top)); // (T2)
  const total = powers.reduce((a, b) => a + b);
  const w = powers.map((power) => power / total);
  const c = new Float64Array(H); // (T3)
  for (let j = 0; j < S; j++) for (let h = 0; h < H; h++) c[h] += w[j] * e[j * H + h];
  return { c, w, q, e, asked, tanhs };
}

/** (T3')-(T1'). Adds to `dq`, `de`, `dKeys` and the gradients `d` of the parameters. */
export function attendGrad(kind, p, d, { w, q, e, asked, tanhs }, dc, dq, de, dKeys) {
  const H = q.length;
  const dw = w.map((_, j) => dot(dc, e, j * H, H)); // (T3')
  const mean = dw.reduce((sum, x, k) => sum + w[k] * x, 0);
  const dAsked = new Float64Array(H);
  for (let j = 0; j < w.length; j++) {
    const ds = w[j] * (dw[j] - mean); // (T2')
    for (let h = 0; h < H; h++) {
      de[j * H + h] += w[j] * dc[h];
      if (kind === 'additive') {
        const r = tanhs[j][h]; // (T1')
        const dp = ds * p.v[h] * (1 - r * r);
        d.v[h] += ds * r;
        dAsked[h] += dp;
        dKeys[j * H + h] += dp;
      } else {
        dAsked[h] += ds * e[j * H + h];
        de[j * H + h] += ds * asked[h];
      }
    }
  }
  if (kind === 'dot') for (let h = 0; h < H; h++) dq[h] += dAsked[h];
  else if (kind === 'general') {
    addProduct(dq, 1, p.W, dAsked, H);
    addOuter(d.W, 1, q, dAsked, H);
  } else {
    addProduct(dq, 1, p.A, dAsked, H, true);
    addOuter(d.A, 1, dAsked, q, H);
  }
}
