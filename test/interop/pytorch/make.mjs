/**
 * Makes two model files and their exports, which make.py runs in PyTorch. Run after `npm run build`:
 *   node test/interop/pytorch/make.mjs && python3 test/interop/pytorch/make.py
 */
import { writeFileSync } from 'node:fs';
import { createModel, parseModel, serializeModel } from '../../../dist/index.js';
import { toPytorch } from '../../../dist/interop/index.js';

const SPECS = {
  tokens: {
    layers: [
      { kind: 'embedding', size: 11, width: 5 },
      { kind: 'lstm', hiddenSize: 6, bias: 'single' },
      { kind: 'lstm', hiddenSize: 6 },
      { kind: 'dropout', rate: 0.2 },
      { kind: 'lstm', hiddenSize: 5, bias: false, returns: 'last' },
      { kind: 'repeat', steps: 3 },
      { kind: 'linear', size: 11, tied: 'embedding' },
    ],
  },
  values: {
    inputSize: 4,
    layers: [
      { kind: 'linear', size: 3, name: 'down' },
      { kind: 'lstm', hiddenSize: 7, projectionSize: 3, direction: 'bidirectional' },
      { kind: 'lstm', hiddenSize: 7, projectionSize: 3, direction: 'bidirectional' },
      { kind: 'linear', size: 2, bias: false },
    ],
  },
};

for (const [name, spec] of Object.entries(SPECS)) {
  const model = await createModel({ seed: 4, ...spec }, { backend: 'reference' });
  const bytes = await serializeModel(model);
  const { weights, loader } = toPytorch(parseModel(bytes), `${name}.pytorch.safetensors`);
  const at = (ending) => new URL(`${name}.${ending}`, import.meta.url);
  writeFileSync(at('safetensors'), bytes);
  writeFileSync(at('pytorch.safetensors'), weights);
  writeFileSync(at('pytorch.py'), loader);
}
