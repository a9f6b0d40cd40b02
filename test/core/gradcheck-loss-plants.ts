import { live, withInstructions } from '../support/kernels.js';

import type { Plant } from './gradcheck-plants.js';
import { BITS, IGNORED, REGRESSION } from './gradcheck-support.js';

/** Any tensor: an error in the gradient of the loss affects all tensors, so none may pass. */
export const ANY = /./;

export const lossPlants: Plant[] = [
  {
    name: "(L1') p instead of p - q",
    kernels: () => withInstructions((k) => ({ softmaxCrossEntropyGrad: (dz, p) => k.copy(dz, p) })),
    worst: ANY,
  },
  {
    name: "(L1') not divided by the count",
    kernels: () =>
      withInstructions((k) => ({
        softmaxCrossEntropyGrad: (dz, p, y) => k.softmaxCrossEntropyGrad(dz, p, y, { reduction: 'sum' }),
      })),
    worst: ANY,
  },
  {
    name: "(L1') class weights forgotten",
    kernels: () =>
      withInstructions((k) => ({
        softmaxCrossEntropyGrad: (dz, p, y, o) => k.softmaxCrossEntropyGrad(dz, p, y, { reduction: o!.reduction! }),
      })),
    options: {
      loss: { kind: 'crossEntropy', reduction: 'sum', classWeights: [1, 0.5, 2, 1.5, 0.25, 3, 0.75] },
    },
    worst: ANY,
  },
  {
    name: "(L1') ignored rows counted",
    kernels: () =>
      withInstructions((k) => ({
        softmaxCrossEntropyGrad: (dz, p, y) => k.softmaxCrossEntropyGrad(dz, p, y, { reduction: 'sum' }),
      })),
    options: { loss: { kind: 'crossEntropy', reduction: 'sum', ignoreIndex: IGNORED } },
    worst: ANY,
  },
  {
    name: "(L1') the smoothing forgotten",
    kernels: () =>
      withInstructions((k) => ({ softmaxCrossEntropyGrad: (dz, p, y) => k.softmaxCrossEntropyGrad(dz, p, y) })),
    options: { loss: { kind: 'crossEntropy', labelSmoothing: 0.1 } },
    worst: ANY,
  },
  {
    name: "(L2') without the 2",
    spec: REGRESSION,
    kernels: () =>
      withInstructions((k) => ({
        valueLossGrad: (dy, y, targets, kind) => {
          k.valueLossGrad(dy, y, targets, kind);
          live(k, dy).forEach((v, at, all) => {
            all[at] = v / 2;
          });
        },
      })),
    worst: ANY,
  },
  {
    name: "(L2') divided by the rows instead of the elements",
    spec: REGRESSION,
    kernels: () =>
      withInstructions((k) => ({
        valueLossGrad: (dy, y, targets, kind) => {
          k.valueLossGrad(dy, y, targets, kind);
          live(k, dy).forEach((v, at, all) => {
            all[at] = v * dy.cols;
          });
        },
      })),
    worst: ANY,
  },
  {
    name: "(L3') multiplied by s (1 - s) once more",
    spec: BITS,
    options: { loss: 'binaryCrossEntropy' },
    kernels: () =>
      withInstructions((k) => ({
        valueLossGrad: (dz, z, p, kind) => {
          k.valueLossGrad(dz, z, p, kind);
          const logits = live(k, z);
          live(k, dz).forEach((v, at, all) => {
            const s = 1 / (1 + Math.exp(-logits[at]!));
            all[at] = v * s * (1 - s);
          });
        },
      })),
    worst: ANY,
  },
];
