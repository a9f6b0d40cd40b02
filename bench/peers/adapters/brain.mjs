/**
 * brain.js computes a different model: one sequence at a time with an update after each, another optimizer, the same number of outputs
 * and inputs, and no state carried between calls of `run`. Its losses cannot be compared. It is timed on data of the same sizes,
 * because people choose it for the same work.
 */
import brain from 'brain.js';

export async function create({ kind, I, hidden, O, B, T, loss }, { inputs, targets }) {
  const note = () => 'a different model';
  const rowAt = (index) => Array.from(inputs.subarray(index * I, (index + 1) * I));
  if (loss === 'crossEntropy') {
    const net = new brain.recurrent.LSTM({ inputSize: I, inputRange: I, outputSize: O, hiddenLayers: hidden });
    const letter = (code) => String.fromCharCode(48 + code);
    const texts = Array.from({ length: B }, (_, n) =>
      Array.from({ length: T }, (_, t) => letter(targets[t * B + n])).join(''),
    );
    return { step: trainer(net, texts), note };
  }
  const net = new brain.recurrent.LSTMTimeStep({ inputSize: I, outputSize: I, hiddenLayers: hidden });
  if (kind === 'stream') {
    const row = rowAt(0);
    net.train([[row, row]], { iterations: 1, errorThresh: 0, log: false });
    return { step: () => net.run([row]), note };
  }
  const series = Array.from({ length: B }, (_, n) => Array.from({ length: T }, (_, t) => rowAt(t * B + n)));
  return { step: trainer(net, series), note };
}

const trainer = (net, data) => {
  const options = { iterations: 1, errorThresh: 0, log: false, keepNetworkIntact: true, learningRate: 0.001 };
  return () => net.train(data, options).error;
};
