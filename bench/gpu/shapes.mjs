/** The shapes of the benchmark of a GPU: W2 to W4 of the other benchmarks, a larger one, and DeepBench's LSTM sizes. */
import { WORKLOADS } from '../peers/workloads.mjs';

const regression = (I, H, B, T) => ({ kind: 'train', I, hidden: [H], O: 16, B, T, loss: 'meanSquaredError' });

/** D: LSTM sizes of DeepBench (train, Baidu 2017), with as many inputs as units. */
export const SHAPES = {
  ...Object.fromEntries(Object.entries(WORKLOADS).filter(([name]) => /^W[1-4]$/.test(name))),
  W5: regression(512, 1024, 128, 128),
  D1: regression(512, 512, 16, 25),
  D2: regression(512, 512, 128, 25),
  D3: regression(1024, 1024, 32, 25),
  D4: regression(1024, 1024, 128, 25),
  D5: regression(2048, 2048, 16, 25),
  D6: regression(2048, 2048, 64, 50),
};
