/** A model as PyTorch's modules: a state dict in safetensors, and the Python code that loads and runs it. */

import { requireOptional } from '../../checks.js';
import type { LstmSpec } from '../../core/lstm/spec.js';
import { isStandardCell, noiseRates } from '../../core/lstm/variant.js';
import type { LayerSpec } from '../../core/spec.js';
import { defaultName } from '../layer-names.js';
import { type TensorData, writeSafetensors } from '../safetensors-write.js';
import { type ExportableModel, layersFor, type Parameter } from './content.js';

/** A state dict, and a Python program that loads it. */
export interface PytorchFiles {
  /** The bytes of a safetensors file. Its names are those of the program's modules. */
  readonly weights: Uint8Array;
  /** Python: a module `Model`; `forward(x, state)` takes and returns [T, N, ...], and the list of (h, c) of its `nn.LSTM`s. */
  readonly loader: string;
}

/** What an nn.LSTM cannot express. */
function problemOf(spec: LstmSpec): string | null {
  const { zoneoutH, zoneoutC } = noiseRates(spec);
  if (!isStandardCell(spec.cell)) return 'a variant of the cell';
  if (zoneoutH > 0 || zoneoutC > 0) return 'zoneout';
  if (spec.direction === 'reverse') return 'only the reverse direction';
  if (spec.initialState === 'learned') return 'a learned initial state';
  return null;
}

/** The parts of the program: the modules, the lines of `forward`, and the tensors. */
class Program {
  readonly modules: string[] = [];
  readonly lines: string[] = [];
  readonly tensors: TensorData[] = [];
  lstms = 0;
  private readonly names = new Map<string, number>();

  /** A name that no other module has, as a Python identifier. */
  name(wanted: string): string {
    const base = wanted.replace(/\W/g, '_').replace(/^(?=\d)/, '_');
    const count = (this.names.get(base) ?? 0) + 1;
    this.names.set(base, count);
    return count === 1 ? base : `${base}_${count}`;
  }

  tensor(name: string, { shape, data }: Parameter): void {
    this.tensors.push({ name, shape, data: Float32Array.from(data) });
  }
}

/** LSTM layers that one nn.LSTM computes: of equal size, one above the other. */
interface Stack {
  readonly spec: LstmSpec;
  readonly width: number;
  /** The parameters of each level. */
  readonly levels: (readonly Parameter[])[];
  last: boolean;
}

const fits = (stack: Stack, spec: LstmSpec): boolean => {
  const sizes = ({ hiddenSize, projectionSize, direction = 'forward', bias = true }: LstmSpec): string =>
    [hiddenSize, projectionSize, direction, bias !== false].join();
  return !stack.last && sizes(stack.spec) === sizes(spec);
};

function addStack(program: Program, { spec, width, levels, last }: Stack): void {
  const { hiddenSize: H, projectionSize, direction, bias = true } = spec;
  const name = program.name(spec.name ?? 'lstm');
  const options = [
    levels.length > 1 && `num_layers=${levels.length}`,
    bias === false && 'bias=False',
    direction === 'bidirectional' && 'bidirectional=True',
    projectionSize !== undefined && `proj_size=${projectionSize}`,
  ].filter((option) => option !== false);
  program.modules.push(`self.${name} = nn.LSTM(${[width, H, ...options].join(', ')})`);
  const number = program.lstms++;
  program.lines.push(`x, s = self.${name}(x, state[${number}])`, 'new.append(s)');
  if (last) {
    // The h that each direction of the top level ended with, side by side.
    const ends = direction === 'bidirectional' ? 'torch.cat([s[0][-2], s[0][-1]], -1)' : 's[0][-1]';
    program.lines.push(`x = ${ends}.unsqueeze(0)`);
  }
  levels.forEach((parameters, level) => {
    for (const parameter of parameters) {
      const [, part, reverse = ''] = /\.(\w+?)_l\d+(_reverse)?$/.exec(parameter.name)!;
      program.tensor(`${name}.${part}_l${level}${reverse}`, parameter);
      // nn.LSTM has two biases: the second one of a layer with a single bias is 0.
      const second = parameter.name.replace('bias_ih', 'bias_hh');
      if (part !== 'bias_ih' || parameters.some((other) => other.name === second)) continue;
      program.tensor(`${name}.bias_hh_l${level}${reverse}`, { ...parameter, data: new Float32Array(4 * H) });
    }
  });
}

function addLayer(
  program: Program,
  layer: LayerSpec,
  width: number,
  parameters: readonly Parameter[],
  table: (name: string) => Parameter,
) {
  if (layer.kind === 'embedding') {
    const name = program.name(layer.name ?? defaultName('embedding'));
    program.modules.push(`self.${name} = nn.Embedding(${layer.size}, ${layer.width})`);
    program.lines.push(`x = self.${name}(x)`);
    program.tensor(`${name}.weight`, parameters[0]!);
  } else if (layer.kind === 'linear') {
    const name = program.name(layer.name ?? defaultName('linear'));
    const hasBias = layer.bias !== false;
    program.modules.push(`self.${name} = nn.Linear(${width}, ${layer.size}${hasBias ? '' : ', bias=False'})`);
    program.lines.push(`x = self.${name}(x)`);
    program.tensor(`${name}.weight`, layer.tied === undefined ? parameters[0]! : table(`${layer.tied}.weight`));
    if (hasBias) program.tensor(`${name}.bias`, parameters.at(-1)!);
  } else if (layer.kind === 'repeat') {
    program.lines.push(`x = x.expand(${layer.steps}, -1, -1)`);
  }
}

const programText = ({ modules, lines, lstms }: Program, weights: string): string => `import torch
from torch import nn
from safetensors.torch import load_file

class Model(nn.Module):
    def __init__(self):
        super().__init__()
${modules.map((line) => `        ${line}`).join('\n')}

    def forward(self, x, state=[None] * ${lstms}):  # x: [T, N] tokens or [T, N, width] values
        new = []
${lines.map((line) => `        ${line}`).join('\n')}
        return x, new

model = Model()
model.load_state_dict(load_file(${JSON.stringify(weights)}))
`;

/**
 * Returns a model as a state dict that loads directly into `nn.LSTM`, `nn.Linear` and `nn.Embedding`, and a Python program
 * that does it; `file` is the name that the program opens. float64 weights become float32. Layers of equal size in a row become
 * one nn.LSTM. The metadata of the file have the `spec` and the `vocabulary`, as JSON; `fromPytorch` reads them. Throws `INVALID_SETTING` for what PyTorch's modules cannot express: a variant of the cell, zoneout, a learned
 * initial state, a single reverse direction.
 */
export function toPytorch(model: ExportableModel, file = 'model.safetensors'): PytorchFiles {
  requireOptional('file', file, 'string');
  const { layers, parameter } = layersFor(model, 'nn.LSTM', problemOf);
  const program = new Program();
  let width = model.spec.inputSize ?? 0;
  let stack: Stack | null = null;
  const finish = (): void => {
    if (stack) addStack(program, stack);
    stack = null;
  };
  for (const { spec, parameters, outputSize } of layers) {
    if (spec.kind === 'lstm') {
      if (!(stack && fits(stack, spec))) {
        finish();
        stack = { spec, width, levels: [], last: false };
      }
      stack.levels.push(parameters);
      stack.last = spec.returns === 'last';
    } else if (spec.kind !== 'dropout' && spec.kind !== 'activity') {
      finish();
      addLayer(program, spec, width, parameters, parameter);
    }
    width = outputSize;
  }
  finish();
  const { spec, vocabulary } = model;
  const metadata = {
    format: 'pt',
    spec: JSON.stringify(spec),
    ...(vocabulary && { vocabulary: JSON.stringify(vocabulary.characters) }),
  };
  return { weights: writeSafetensors(program.tensors, metadata), loader: programText(program, file) };
}
