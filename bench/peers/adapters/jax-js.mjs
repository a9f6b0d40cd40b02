/**
 * jax-js on its wasm backend: `jit` of `valueAndGrad` with Adam inside. It has no `lax.scan`, so the time loop is unrolled. An
 * operation consumes its arrays; `.ref` keeps one for another use.
 */
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { ADAM, layerSizes, transposed } from '../workloads.mjs';

export async function create(workload, data) {
  await init('wasm');
  defaultDevice('wasm');
  const { kind, I, O, B, T, loss } = workload;
  const parameters = parametersOf(workload, data.parameters);
  const x = np.array(data.inputs).reshape([T, B, I]);
  if (kind === 'stream') return { step: streaming(workload, parameters, x.reshape([B, I])) };
  if (kind === 'sequence') {
    const run = jit((p, inputs) => forward(workload, p, inputs));
    return { step: () => run(tree.ref(parameters), x.ref).dataSync() };
  }
  const targets =
    loss === 'crossEntropy'
      ? nn.oneHot(np.array(data.targets, { dtype: np.int32 }), O)
      : np.array(data.targets).reshape([T * B, O]);
  const cost = (p, inputs, wanted) => {
    const y = forward(workload, p, inputs);
    if (loss === 'crossEntropy')
      return nn
        .logSoftmax(y)
        .mul(wanted)
        .sum()
        .mul(-1 / (T * B));
    const error = y.sub(wanted);
    return error.ref.mul(error).mean();
  };
  return { step: training(parameters, cost, x, targets) };
}

function parametersOf(workload, tensors) {
  const array = (name) => np.array(tensors[name].data);
  const matrix = (name) => np.array(transposed(tensors[name])).reshape([...tensors[name].shape].reverse());
  const layers = layerSizes(workload).map((_, level) => ({
    Wx: matrix(`lstm.weight_ih_l${level}`), // [D, 4H]
    Wh: matrix(`lstm.weight_hh_l${level}`), // [H, 4H]
    b: array(`lstm.bias_ih_l${level}`),
  }));
  return { layers, head: { W: matrix('head.weight'), b: array('head.bias') } };
}

/** From the pre-activations [B, 4H] and c- to [h, c]. */
function cell(a, before, H) {
  const gate = (k, from) => from.slice([], [k * H, (k + 1) * H]);
  const [i, f, g] = [0, 1, 2].map((k) => gate(k, a.ref));
  const o = gate(3, a);
  const c = nn
    .sigmoid(f)
    .mul(before)
    .add(nn.sigmoid(i).mul(np.tanh(g)));
  return [nn.sigmoid(o).mul(np.tanh(c.ref)), c];
}

/** x [T, B, I] to [T*B, O]. */
function forward({ hidden, B, T }, { layers, head }, x) {
  const keep = (array, t) => (t < T - 1 ? array.ref : array);
  let steps = Array.from({ length: T }, (_, t) => keep(x, t).slice(t));
  layers.forEach(({ Wx, Wh, b }, level) => {
    const H = hidden[level];
    let [h, c] = [np.zeros([B, H]), np.zeros([B, H])];
    steps = steps.map((input, t) => {
      const a = np
        .matmul(input, keep(Wx, t))
        .add(np.matmul(h, keep(Wh, t)))
        .add(keep(b, t));
      [h, c] = cell(a, c, H);
      return h.ref;
    });
    h.dispose();
    c.dispose();
  });
  return np.matmul(np.concatenate(steps, 0), head.W).add(head.b);
}

function training(start, cost, x, targets) {
  const { learningRate, beta1, beta2, eps } = ADAM;
  const zeros = () => tree.map((p) => np.zeros(p.shape), start);
  let [parameters, m, v] = [start, zeros(), zeros()];
  // The bias corrections are inputs: size = learningRate sqrt(1 - beta2^t) / (1 - beta1^t), and eps times that root.
  const update = jit((p, m, v, size, tiny, inputs, wanted) => {
    const [value, grad] = valueAndGrad(cost)(tree.ref(p), inputs, wanted);
    const m1 = tree.map((m, g) => m.mul(beta1).add(g.ref.mul(1 - beta1)), m, grad);
    const v1 = tree.map((v, g) => v.mul(beta2).add(g.ref.mul(g).mul(1 - beta2)), v, grad);
    const change = (p, m, v) => p.sub(m.ref.mul(size.ref).div(np.sqrt(v.ref).add(tiny.ref)));
    return [value, tree.map(change, p, m1, v1), m1, v1];
  });
  let t = 0;
  return () => {
    t++;
    const root = Math.sqrt(1 - beta2 ** t);
    const size = np.array((learningRate * root) / (1 - beta1 ** t));
    const [value, ...next] = update(parameters, m, v, size, np.array(eps * root), x.ref, targets.ref);
    [parameters, m, v] = next;
    return value.dataSync()[0];
  };
}

function streaming({ hidden, B }, { layers, head }, x) {
  const [{ Wx, Wh, b }] = layers;
  const [H] = hidden;
  const run = jit((Wx, Wh, b, W, bias, x, h, c) => {
    const [h1, c1] = cell(np.matmul(x, Wx).add(np.matmul(h, Wh)).add(b), c, H);
    return [np.matmul(h1.ref, W).add(bias), h1, c1];
  });
  const weights = [Wx, Wh, b, head.W, head.b];
  let state = [np.zeros([B, H]), np.zeros([B, H])];
  return () => {
    const [y, ...next] = run(...weights.map((w) => w.ref), x.ref, ...state);
    state = next;
    return y.dataSync();
  };
}
