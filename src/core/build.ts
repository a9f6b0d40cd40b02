/** Builds the layers of a spec, and allocates the tapes over them. */

import { isObject, requireInteger, shown } from '../checks.js';
import type { Kernels } from '../contract/kernels.js';
import { invalidSetting } from '../errors.js';
import { initialize, type RareInitializers } from './init.js';
import {
  type Layer,
  type LayerInput,
  type LayerNames,
  requireVariants,
  type TapeContext,
  type Variants,
} from './layers/layer.js';
import { type AnyLayerTape, kindOf } from './layers/registry.js';
import { outputSizeOf } from './layers/sizes.js';
import { type LossTape, lossTape } from './loss-tape.js';
import type { LossChoice } from './losses.js';
import { isSimpleLstm } from './lstm/spec.js';
import { leased } from './memory/lease.js';
import type { Arena, ParameterLayout, ParameterSpec } from './memory/parameters.js';
import type { PassShape } from './pass.js';
import { createRng } from './rng.js';
import type { ModelSpec } from './spec.js';
import { Tape, type TapeInput } from './tape.js';

/** What a tape has buffers for. */
export interface TapeOptions {
  /** Gradients. Default true. */
  readonly gradients?: boolean;
  /** The gradient of the input, which the backward pass then computes. Default: as `gradients`. */
  readonly inputGradient?: boolean;
  /**
   * Sequences of unequal lengths. Default false. A model of standard LSTMs needs the option `lengths` of `createModel` for this.
   */
  readonly lengths?: boolean;
}

/** A spec with its layers, ready to allocate tapes. */
export interface BuiltSpec {
  readonly spec: ModelSpec;
  readonly layers: readonly Layer<AnyLayerTape>[];
  /** Of the model's parameters. */
  readonly layout: ParameterLayout;
  /** The code that has been loaded; null as long as neither the spec nor a batch has needed it. */
  variants(): Variants | null;
}

const OPTIONAL = { dropout: true, repeat: true, activity: true };

/** Whether the model cannot be computed without the code of the LSTM variants. */
const needsVariants = ({ layers }: ModelSpec): boolean =>
  layers.some(
    (layer) =>
      'init' in layer ||
      (layer.kind === 'embedding' && layer.dropout !== undefined) ||
      (layer.kind === 'lstm' ? layer.direction === 'bidirectional' || !isSimpleLstm(layer) : layer.kind in OPTIONAL),
  );

/** Loads the code of variants, and the instructions that they use. */
export async function loadVariants(kernels: Kernels): Promise<Variants> {
  const [{ variants }] = await Promise.all([import('./variants.js'), kernels.loadVariants?.()]);
  return variants;
}

/** The variants that a model needs: of its spec, and for batches with lengths. */
export const variantsFor = async (kernels: Kernels, spec: ModelSpec, lengths = false): Promise<Variants | null> =>
  lengths || needsVariants(spec) ? loadVariants(kernels) : null;

function layerNames(): LayerNames {
  /** Names in use, with the least number that may be free after each. */
  const used = new Map<string, number>();
  const levels = new Map<string, number>();
  return {
    unique(wanted) {
      let n = used.get(wanted) ?? 1;
      const nameOf = () => (n === 1 ? wanted : `${wanted}${n}`);
      while (used.has(nameOf())) n++;
      const name = nameOf();
      used.set(wanted, n + 1);
      if (name !== wanted) used.set(name, 2);
      return name;
    },
    level(prefix) {
      const level = levels.get(prefix) ?? 0;
      levels.set(prefix, level + 1);
      return level;
    },
  };
}

/** Builds the layers of a checked spec. */
export function buildLayers({ layers, inputSize = 0 }: ModelSpec): Layer<AnyLayerTape>[] {
  const names = layerNames();
  let width = inputSize;
  return layers.map((spec) => {
    const layer = kindOf(spec).build(spec, names, width);
    width = outputSizeOf(spec, width);
    return { ...layer, outputSize: width };
  });
}

/** Gives each parameter its initial values, which its name and the seed determine. */
export function drawParameters(
  arena: Arena,
  parameters: readonly ParameterSpec[],
  seed: number,
  rare: RareInitializers | undefined,
): void {
  for (const { name, start } of parameters) {
    const rng = createRng(seed, name);
    arena.set(
      name,
      start((init, rows, cols, fan) => initialize(init, { rows, cols, fan, rng }, rare)),
    );
  }
}

/** Allocates a tape for passes of `shape`. If that fails, nothing stays allocated. */
export function allocateTape(kernels: Kernels, built: BuiltSpec, size: PassShape, options: TapeOptions = {}): Tape {
  const { spec, layers, layout } = built;
  const variants = built.variants();
  if (!isObject(size)) throw invalidSetting('shape', `must be { steps, batchSize }, got ${shown(size)}.`);
  const { steps, batchSize } = size;
  requireInteger('steps', steps, 1, 1 << 24);
  requireInteger('batchSize', batchSize, 1, 1 << 24);
  requireInteger('steps times batchSize', steps * batchSize, 1, 1 << 28);
  const { gradients = true, inputGradient = gradients } = options;
  const shape = { steps, batchSize };
  const first = spec.layers[0]!;
  return leased(kernels, 'tape', (lease) => {
    const k = lease.kernels;
    const inputMatrix = () => (first.kind === 'embedding' ? null : k.alloc(steps * batchSize, spec.inputSize!));
    const [x, dx] = [inputMatrix(), inputGradient ? inputMatrix() : null];
    const context: TapeContext = { kernels: k, shape, gradients, pass: { noise: null }, variants };
    const lengths = options.lengths ? requireVariants(variants, 'lengths').sequenceLengths(k, shape) : null;
    let from: LayerInput = { x, dx, steps, masks: lengths };
    const tapes = layers.map((layer) => {
      const tape = layer.tape(context, from);
      // After a layer that changes the number of steps, all sequences have the same length.
      const masks = tape.kind === 'repeat' || tape.outputSteps !== from.steps ? null : from.masks;
      from = { x: tape.y, dx: tape.dy, steps: tape.outputSteps, masks };
      return tape;
    });
    const bottom = tapes[0]!;
    const input: TapeInput =
      first.kind === 'embedding' && bottom.kind === 'embedding'
        ? { kind: 'tokens', size: first.size, ids: bottom.ids }
        : { kind: 'values', x: x!, dx };
    const { y, dy, outputSteps } = tapes.at(-1)!;
    const makeLoss = (choice: LossChoice): LossTape =>
      lossTape(k, choice, y, dy, { steps: outputSteps, batchSize }, (...args) =>
        requireVariants(built.variants(), 'loss').ctcTape(...args),
      );
    return new Tape(lease, { layout, shape, input, layers: tapes, pass: context.pass, lengths, makeLoss });
  });
}
