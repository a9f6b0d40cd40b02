/** The library's code for each chapter. Each snippet is a complete program, which a test runs. */

const MODEL = `const text = 'so much depends upon a red wheel barrow\\n'.repeat(30);
const data = textStreams(text, { batchSize: 4, steps: 16 });
const size = data.vocabulary.size;
const model = await createModel({
  layers: [
    { kind: 'embedding', size, width: 8 },
    { kind: 'lstm', hiddenSize: 16 },
    { kind: 'linear', size },
  ],
});`;

export const SNIPPETS: readonly string[] = [
  `import { textStreams } from 'unspool';

const text = 'so much depends upon a red wheel barrow\\n'.repeat(30);
const { vocabulary, train, validation } = textStreams(text, { batchSize: 4, steps: 16, validationSplit: 0.1 });
const { inputs, targets } = train.batch(0); // [T, N]: time step 0 of all sequences comes first
console.log(vocabulary.size, train.length, validation.length, inputs.length, targets[0] === inputs[4]);`,

  `import { createModel } from 'unspool';

const model = await createModel({
  inputSize: 3,
  layers: [{ kind: 'lstm', hiddenSize: 16 }, { kind: 'linear', size: 1 }],
});
for (const { name, shape, size } of model.parameters.layout.entries) console.log(name, shape, size);`,

  `import { createModel } from 'unspool';

const model = await createModel({
  seed: 7, // the same seed gives the same weights
  inputSize: 3,
  layers: [
    { kind: 'lstm', hiddenSize: 16, init: { recurrent: 'orthogonal', forgetBias: 1 } },
    { kind: 'linear', size: 1 },
  ],
});
console.log((await model.parameters.download()).get('lstm.bias_ih_l0').slice(16, 20)); // the bias of the forget gate`,

  `import { createModel } from 'unspool';

const layers = [{ kind: 'lstm', hiddenSize: 4 }, { kind: 'linear', size: 1 }];
const model = await createModel({ inputSize: 1, layers });
const { tape, output } = await model.predict([0, 1, 0, 1, 1], { tape: true });
const { gates, c, h } = tape.lstm(0).step(3);
console.log(gates.f.get(0, 2), c.get(0, 2), h.get(0, 2), output.get(3, 0, 0));`,

  `import { createModel } from 'unspool';

const layers = [{ kind: 'lstm', hiddenSize: 4 }, { kind: 'linear', size: 3 }];
const model = await createModel({ inputSize: 1, layers });
const batch = { steps: 4, batchSize: 1, inputs: [0, 1, 1, 0], targets: Int32Array.of(0, 2, 1, 0) };
const { loss } = await model.evaluate(batch, { loss: 'crossEntropy' });
console.log(loss, Math.log(3)); // close to a random guess among three classes`,

  `import { createModel } from 'unspool';

const layers = [{ kind: 'lstm', hiddenSize: 4 }, { kind: 'linear', size: 1 }];
const model = await createModel({ inputSize: 1, layers });
const batch = { steps: 5, batchSize: 1, inputs: [1, 0, 0, 0, 0], targets: [0, 0, 0, 0, 1] };
const { tape, gradients } = await model.gradients(batch);
for (let t = 4; t >= 0; t--) console.log(t, tape.lstm(0).step(t).grad.c.get(0, 0)); // dL/dc, from the last step to the first
console.log((await gradients.download()).get('lstm.weight_hh_l0').length);`,

  `import { adam, createModel, fit, textStreams } from 'unspool';

${MODEL}
const training = fit(model, data, { optimizer: adam({ learningRate: 0.01 }), loss: 'crossEntropy', clipNorm: 1, maxUpdates: 3 });
for await (const event of training) {
  if (event.kind === 'update') console.log(event.update, event.loss, event.gradientNorm);
}`,

  `import { adam, cosine, createModel, fit, textStreams } from 'unspool';

${MODEL}
const options = { optimizer: adam({ learningRate: 0.02 }), loss: 'crossEntropy', epochs: 3, schedule: cosine };
for await (const event of fit(model, data, options)) {
  if (event.kind === 'epoch') console.log('epoch', event.epoch, event.loss);
  if (event.kind === 'validation') console.log('validation', event.loss);
}`,

  `import { bitsPerCharacter, createModel, evaluate, perplexity, textStreams } from 'unspool';

${MODEL}
const loss = await evaluate(model, data.validation, 'crossEntropy');
console.log(loss, perplexity(loss), bitsPerCharacter(loss), Math.log2(size)); // untrained: close to a random guess`,

  `import { adam, createModel, fit, textStreams } from 'unspool';

const text = 'so much depends upon a red wheel barrow\\n'.repeat(30);
for (const learningRate of [0.001, 0.01, 0.1]) {
  const data = textStreams(text, { batchSize: 4, steps: 16 });
  const size = data.vocabulary.size;
  const model = await createModel({
    layers: [
      { kind: 'embedding', size, width: 8 },
      { kind: 'dropout', rate: 0.1 },
      { kind: 'lstm', hiddenSize: 16 },
      { kind: 'linear', size },
    ],
  });
  const options = { optimizer: adam({ learningRate }), loss: 'crossEntropy', epochs: 4, earlyStopping: { patience: 2 } };
  let best = Infinity;
  for await (const event of fit(model, data, options)) if (event.kind === 'validation') best = Math.min(best, event.loss);
  console.log(learningRate, best);
  model.dispose();
}`,

  `import { createModel, createRng, deserializeModel, generate, serializeModel, textStreams } from 'unspool';

${MODEL}
const bytes = await serializeModel(model, { vocabulary: data.vocabulary }); // a .safetensors file
const loaded = await deserializeModel(bytes);
let written = '';
for await (const token of generate(loaded.model, loaded.vocabulary.encode('so'), createRng(1, 'sample'))) {
  written += loaded.vocabulary.decode([token]);
  if (written.length >= 20) break;
}
console.log(bytes.length, written);`,
];
