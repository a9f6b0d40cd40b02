/**
 * Restores the spaces of the last 10 % of Moby-Dick: a tagger says after which characters one follows. Baselines are segmentations by a
 * dictionary of the training part.
 *
 *   node examples/spaces/main.mjs [--seeds 1,2,3] [--epochs 2] [--characters 1000000000]
 *
 * The last line is JSON.
 */
import { parseArgs } from 'node:util';
import { readText } from 'unspool/node';
import { tagging, testLabeler, trainTagger } from 'unspool/tasks';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    epochs: { type: 'string', default: '2' },
    characters: { type: 'string', default: '1000000000' },
  },
});
const began = performance.now();
const text = (await readText('data/moby-dick.txt')).slice(0, Number(values.characters));
const data = tagging(text, { length: 96, context: 24, validation: 0.02, test: 0.1, batchSize: 16 });
const settings = { hiddenSize: 64, embeddingSize: 24, dropout: 0.1, epochs: Number(values.epochs), learningRate: 0.01 };
const results = [];
for (const seed of values.seeds.split(',').map(Number)) {
  const tagger = await trainTagger(data, { ...settings, seeds: [seed] });
  const { methods } = await testLabeler(tagger, data, { baselines: results.length === 0 });
  results.push({
    seed,
    methods,
    text: (await tagger.predict(['CallmeIshmael.Someyearsago—nevermindhowlong']))[0].text,
  });
  console.table(methods.map(({ name, accuracy, f1 }) => ({ name, accuracy, f1 })));
}
const dictionary = Math.max(...results[0].methods.slice(1).map(({ f1 }) => f1)); // the better of unigrams and bigrams
const removed = results.map(({ methods }) => 1 - (1 - methods[0].f1) / (1 - dictionary)); // share of its errors
console.log(JSON.stringify({ results, removed, seconds: Math.round((performance.now() - began) / 1000) }));
