/**
 * TensorFlow.js, with its core operations and `optimizer.minimize`. Option `backend`: `wasm` or `cpu`; in a page also `webgl` and
 * `webgpu` (whose step is a promise). Its wasm backend has no threads in Node.
 */
import * as tf from '@tensorflow/tfjs';
import { ADAM, layerSizes, transposed } from '../workloads.mjs';

export async function create(workload, data, { backend }) {
  if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
  if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
  await tf.setBackend(backend);
  tf.enableProdMode();
  const { kind, I, O, B, T, loss } = workload;
  const weights = weightsOf(workload, data.parameters);
  const x = tf.tensor(data.inputs, [T, B, I]);
  if (kind === 'stream') return { step: streaming(workload, weights, tf.reshape(x, [B, I])) };
  if (kind === 'sequence') {
    const step = () => {
      const y = tf.tidy(() => forward(workload, weights, x));
      const output = y.dataSync();
      y.dispose();
      return output;
    };
    return { step };
  }
  const targets =
    loss === 'crossEntropy'
      ? tf.oneHot(tf.tensor(data.targets, [T * B], 'int32'), O)
      : tf.tensor(data.targets, [T * B, O]);
  const measure = loss === 'crossEntropy' ? tf.losses.softmaxCrossEntropy : tf.losses.meanSquaredError;
  const optimizer = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.eps);
  const step = () => {
    const cost = optimizer.minimize(() => measure(targets, forward(workload, weights, x)), true);
    if (backend === 'webgpu') {
      return cost.data().then(([value]) => {
        cost.dispose();
        return value;
      });
    }
    const [value] = cost.dataSync();
    cost.dispose();
    return value;
  };
  return { step };
}

function weightsOf(workload, parameters) {
  const variable = (name) => tf.variable(tf.tensor(parameters[name].data));
  const matrix = (name) => {
    const [rows, cols] = parameters[name].shape;
    return tf.variable(tf.tensor(transposed(parameters[name]), [cols, rows]));
  };
  const layers = layerSizes(workload).map(({ H }, level) => ({
    H,
    Wx: matrix(`lstm.weight_ih_l${level}`), // [D, 4H]
    Wh: matrix(`lstm.weight_hh_l${level}`), // [H, 4H]
    b: variable(`lstm.bias_ih_l${level}`),
  }));
  return { layers, head: { W: matrix('head.weight'), b: variable('head.bias') } };
}

/** From the pre-activations [B, 4H] and c- to [h, c]. */
function cell(a, before) {
  const [i, f, g, o] = tf.split(a, 4, 1);
  const c = tf.add(tf.mul(tf.sigmoid(f), before), tf.mul(tf.sigmoid(i), tf.tanh(g)));
  return [tf.mul(tf.sigmoid(o), tf.tanh(c)), c];
}

/** x [T, B, I] to [T*B, O]. */
function forward({ B, T }, { layers, head }, x) {
  let rows = tf.reshape(x, [T * B, -1]);
  for (const { H, Wx, Wh, b } of layers) {
    const project = (x) => tf.add(tf.matMul(x, Wx), b);
    // One product over all steps is faster for a batch size of 1, one product per step for larger batches.
    const projected = B === 1 ? tf.split(project(rows), T, 0) : tf.split(rows, T, 0).map(project);
    let [h, c] = [tf.zeros([B, H]), tf.zeros([B, H])];
    const all = projected.map((a) => {
      [h, c] = cell(tf.add(a, tf.matMul(h, Wh)), c);
      return h;
    });
    rows = tf.concat(all, 0);
  }
  return tf.add(tf.matMul(rows, head.W), head.b);
}

function streaming({ B }, { layers, head }, x) {
  let state = layers.map(({ H }) => [tf.zeros([B, H]), tf.zeros([B, H])]);
  return () => {
    const [y, next] = tf.tidy(() => {
      let input = x;
      const after = layers.map(({ Wx, Wh, b }, level) => {
        const [h, c] = state[level];
        const made = cell(tf.add(tf.add(tf.matMul(input, Wx), tf.matMul(h, Wh)), b), c);
        input = made[0];
        return made;
      });
      return [tf.add(tf.matMul(input, head.W), head.b), after];
    });
    tf.dispose(state);
    state = next;
    const output = y.dataSync();
    y.dispose();
    return output;
  };
}
