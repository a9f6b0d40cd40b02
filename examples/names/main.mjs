/**
 * English first names: male or female? On the test split of data/README.md, whose best n-gram has 88.7 %.
 *
 *   node examples/names/main.mjs [--seeds 1,2,3] [--members 5] [--epochs 16]
 *
 * For each seed, trains an ensemble of classifiers, and prints its test and that of its first member, next to baselines. The last
 * line is JSON.
 */
import { parseArgs } from 'node:util';
import { classification, labelerEnsemble, testLabeler, trainClassifier } from 'unspool/tasks';
import { readNames } from './data.mjs';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    members: { type: 'string', default: '5' },
    epochs: { type: 'string', default: '16' },
  },
});
const [members, epochs] = [Number(values.members), Number(values.epochs)];
const began = performance.now();
const { train, test } = await readNames();
const options = { text: 'text', label: 'label', lowerCase: true, validation: 0.1 };
const loss = { kind: 'crossEntropy', labelSmoothing: 0.1 };
const settings = { hiddenSize: 64, dropout: 0.4, recurrentDropout: 0.3, epochs, fit: { loss } };
const results = [];
for (const seed of values.seeds.split(',').map(Number)) {
  const data = classification(train, { ...options, seed }, test); // each seed has another validation part
  const seeds = Array.from({ length: members }, (_, i) => 100 * seed + i);
  const classifiers = [];
  for (const one of seeds) classifiers.push(await trainClassifier(data, { ...settings, seeds: [one] }));
  const single = await testLabeler(classifiers[0], data, { baselines: false });
  const together = await testLabeler(labelerEnsemble(classifiers), data);
  results.push({ seed, single: single.methods[0].accuracy, methods: together.methods, ece: together.calibration.ece });
  console.table(together.methods.map(({ name, accuracy, f1 }) => ({ name, accuracy, f1 })));
}
console.log(JSON.stringify({ results, members, seconds: Math.round((performance.now() - began) / 1000) }));
