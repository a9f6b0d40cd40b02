/** What each place of infer.test.ts computes: a model file, and exported modules, with plain JavaScript and SIMD WebAssembly. */
import { bytes, module } from 'generated-models';
import { loadModel } from 'unspool/infer';
import { loadModel as loadSimd } from 'unspool/infer/simd';

/** The outputs of four steps, and of the same four as a sequence. */
function run(model) {
  const state = model.initialState();
  const inputs = [0.5, -0.25, 0.75, 0.125];
  const steps = inputs.map((x) => model.step(state, [x])[0]);
  return [...steps, ...model.predict(inputs).output.data];
}

export const stream = () => {
  const model = loadModel(bytes);
  const state = model.initialState();
  return (x) => model.step(state, [x])[0];
};

/** `simd`: the code of the error where the policy forbids WebAssembly. */
export function compute() {
  let simd;
  try {
    simd = run(loadSimd(bytes));
  } catch ({ code }) {
    simd = code;
  }
  return { infer: run(loadModel(bytes)), module: run(module), simd };
}
