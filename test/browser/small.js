/** A page that only creates a model, trains it and predicts with it. */
import { adam, createModel, fit } from 'unspool';

window.train = async () => {
  const model = await createModel({
    inputSize: 1,
    layers: [
      { kind: 'lstm', hiddenSize: 8 },
      { kind: 'linear', size: 1 },
    ],
  });
  const wave = Float32Array.from({ length: 33 }, (_, i) => Math.sin(i / 2));
  const batch = { steps: 32, batchSize: 1, inputs: wave.subarray(0, 32), targets: wave.subarray(1) };
  const train = { stateful: false, length: 100, batch: () => batch };
  const losses = [];
  for await (const event of fit(model, { train }, { optimizer: adam({ learningRate: 0.02 }), clipNorm: 1 })) {
    if (event.kind === 'update') losses.push(event.loss);
  }
  const { output } = await model.predict(wave);
  return { name: model.kernels.name, losses, next: output.get(32, 0, 0) };
};
window.ready = true;
