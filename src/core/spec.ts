/**
 * A model's description: plain JSON, checked once, here. Discriminated by `kind`, so that an editor completes it.
 */
import { invalidSetting, isKeyOf, requireInteger, requireNumber, shown } from '../errors.js';
import { type Initializer, requireInitializer } from './init.js';
import { checkLstm, type LstmSpec, requireCarries } from './lstm/spec.js';
import { checkInits, MAX_SIZE, requireChoice, requireKeys, requireOptional } from './spec-checks.js';

/** Turns token numbers into rows of a table. Only as the first layer. Parameter: `NAME.weight` [size, width]. */
export interface EmbeddingSpec {
  readonly kind: 'embedding';
  /** Number of different tokens. */
  readonly size: number;
  /** Length of each token's vector. */
  readonly width: number;
  /** Prefix of the parameter's name. Default `embedding`. */
  readonly name?: string;
  /** Default `normal`, as PyTorch. */
  readonly init?: Initializer;
  /** Share of the tokens whose vectors are dropped in each pass of a training (Gal & Ghahramani 2016). Default 0. */
  readonly dropout?: number;
}

/** y = x W' + b at every step. Parameters: `NAME.weight` [size, width of input], `NAME.bias` [size]. */
export interface LinearSpec {
  readonly kind: 'linear';
  readonly size: number;
  /** Default true. */
  readonly bias?: boolean;
  /**
   * Name of the embedding layer whose table is this layer's weight too (Press & Wolf 2017): its size has to be this size,
   * its width that of this input. Default: a weight of its own.
   */
  readonly tied?: string;
  /** Prefix of the parameters' names. Default `head`. */
  readonly name?: string;
  /** Both default to `uniform` (1/sqrt(input width), as PyTorch). */
  readonly init?: { readonly weight?: Initializer; readonly bias?: Initializer };
}

/** Drops elements of what passes through, in training only. */
export interface DropoutSpec {
  readonly kind: 'dropout';
  /** Share that is dropped, 0 to less than 1; the rest is scaled by 1 / (1 - rate). */
  readonly rate: number;
  /** `steps`: one mask for all time steps (variational dropout, Gal & Ghahramani 2016). Default: a mask a step. */
  readonly shared?: 'steps';
  /** Tells its masks from those of other layers. Default `dropout`. */
  readonly name?: string;
}

/** Makes `steps` time steps out of one: after `returns: 'last'`, or over an input of one step. For one-to-many. */
export interface RepeatSpec {
  readonly kind: 'repeat';
  readonly steps: number;
  /** Default `repeat`. */
  readonly name?: string;
}

/** Activation regularization of what passes through (AR and TAR, Merity et al. 2017), in training only. */
export interface ActivitySpec {
  readonly kind: 'activity';
  /** Adds alpha times the mean square of all elements. Default 0. */
  readonly alpha?: number;
  /** Adds beta times the mean square of the differences from step to step. Default 0. */
  readonly beta?: number;
  /** Default `activity`. */
  readonly name?: string;
}

export type LayerSpec = EmbeddingSpec | LstmSpec | LinearSpec | DropoutSpec | RepeatSpec | ActivitySpec;
export type { LstmSpec } from './lstm/spec.js';

export interface ModelSpec {
  /** Where the initial parameters come from. Default 1. */
  readonly seed?: number;
  /** Width of the input's rows; needed where the first layer is no embedding. */
  readonly inputSize?: number;
  readonly layers: readonly LayerSpec[];
}

const KEYS = {
  model: ['seed', 'inputSize', 'layers'],
  embedding: ['kind', 'size', 'width', 'name', 'init', 'dropout'],
  linear: ['kind', 'size', 'bias', 'tied', 'name', 'init'],
  linearInit: ['weight', 'bias'],
  dropout: ['kind', 'rate', 'shared', 'name'],
  repeat: ['kind', 'steps', 'name'],
  activity: ['kind', 'alpha', 'beta', 'name'],
} as const;

const LARGEST_RATE = 1 - 2 ** -20; // all dropped would leave nothing to scale

/** One check a kind of layer; the type makes a missing one an error. */
const CHECKS: { readonly [K in LayerSpec['kind']]: (path: string, spec: LayerSpec & { kind: K }) => void } = {
  embedding(path, spec) {
    requireKeys(path, spec, KEYS.embedding);
    requireInteger(`${path}.size`, spec.size, 1, MAX_SIZE);
    requireInteger(`${path}.width`, spec.width, 1, MAX_SIZE);
    if (spec.init !== undefined) requireInitializer(`${path}.init`, spec.init);
    if (spec.dropout !== undefined) requireNumber(`${path}.dropout`, spec.dropout, 0, LARGEST_RATE);
  },
  lstm: checkLstm,
  linear(path, spec) {
    requireKeys(path, spec, KEYS.linear);
    requireInteger(`${path}.size`, spec.size, 1, MAX_SIZE);
    requireOptional(`${path}.bias`, spec.bias, 'boolean');
    requireOptional(`${path}.tied`, spec.tied, 'string');
    checkInits(`${path}.init`, spec.init, KEYS.linearInit);
  },
  dropout(path, spec) {
    requireKeys(path, spec, KEYS.dropout);
    requireNumber(`${path}.rate`, spec.rate, 0, LARGEST_RATE);
    if (spec.shared !== undefined) requireChoice(`${path}.shared`, spec.shared, ['steps']);
  },
  repeat(path, spec) {
    requireKeys(path, spec, KEYS.repeat);
    requireInteger(`${path}.steps`, spec.steps, 1, MAX_SIZE);
  },
  activity(path, spec) {
    requireKeys(path, spec, KEYS.activity);
    for (const key of ['alpha', 'beta'] as const) {
      if (spec[key] !== undefined) requireNumber(`${path}.${key}`, spec[key], 0, Number.POSITIVE_INFINITY);
    }
  },
};

function checkLayer(path: string, layer: unknown): void {
  if (typeof layer !== 'object' || layer === null)
    throw invalidSetting(path, `must be an object, got ${shown(layer)}.`);
  const spec = layer as LayerSpec;
  if (!isKeyOf(CHECKS, spec.kind)) {
    const help = `Use one of ${Object.keys(CHECKS).join(', ')}.`;
    throw invalidSetting(`${path}.kind`, `unknown layer kind ${shown(spec.kind)}.`, help);
  }
  (CHECKS[spec.kind] as (path: string, spec: LayerSpec) => void)(path, spec);
  requireOptional(`${path}.name`, spec.name, 'string');
}

/** What has to hold between layers: where steps end and begin, what may come first, what has parameters. */
function checkOrder(layers: readonly LayerSpec[]): void {
  let single: string | null = null; // the layer that left one step of all
  for (const [i, layer] of layers.entries()) {
    const path = `layers[${i}]`;
    if (layer.kind === 'embedding' && i > 0) {
      throw invalidSetting(path, 'an embedding reads token numbers, so it must be the first layer.');
    }
    if (layer.kind === 'lstm' && single !== null) {
      throw invalidSetting(
        `${single}.returns`,
        "'last' leaves no steps for the LSTM layers after it.",
        'Put a repeat layer between them.',
      );
    }
    if (layer.kind === 'repeat') {
      if (single === null && i > 0)
        throw invalidSetting(
          path,
          'repeat turns one step into many, but the layer before it returns all steps.',
          "Set returns: 'last'.",
        );
      single = null;
    }
    if (layer.kind === 'lstm' && layer.returns === 'last') single = path;
  }
  const [first] = layers;
  if (layers.length === 1 && first!.kind === 'linear') {
    throw invalidSetting('layers[0]', 'a model must have more than one linear layer.', 'Add an lstm layer.');
  }
  if (layers.every(({ kind }) => kind === 'dropout' || kind === 'repeat' || kind === 'activity')) {
    throw invalidSetting('layers', 'no layer has parameters.', 'Add an lstm layer.');
  }
}

/** A tied head's table has to fit it, as head and as embedding. */
function checkTies(layers: readonly LayerSpec[], inputSize: number): void {
  let width = inputSize;
  layers.forEach((layer, i) => {
    const path = `layers[${i}].tied`;
    if (layer.kind === 'linear' && layer.tied !== undefined) {
      const [first] = layers;
      if (first?.kind !== 'embedding' || (first.name ?? 'embedding') !== layer.tied) {
        throw invalidSetting(path, `no embedding is named ${JSON.stringify(layer.tied)}.`);
      }
      if (first.size !== layer.size || first.width !== width) {
        const [table, wanted] = [`[${first.size}, ${first.width}]`, `[${layer.size}, ${width}]`];
        throw invalidSetting(path, `must name a table of shape ${wanted}, but ${layer.tied} has shape ${table}.`);
      }
      if (layer.init?.weight !== undefined)
        throw invalidSetting(path, 'init.weight has no effect on a tied layer.', 'Set it on the embedding.');
    }
    width = widthAfter(layer, width);
  });
}

/** Width of a layer's output over an input of `width`. */
export function widthAfter(layer: LayerSpec, width: number): number {
  switch (layer.kind) {
    case 'embedding':
      return layer.width;
    case 'linear':
      return layer.size;
    case 'lstm':
      return (layer.projectionSize ?? layer.hiddenSize) * (layer.direction === 'bidirectional' ? 2 : 1);
    default:
      return width;
  }
}

/** Throws `INVALID_SETTING`, with the path of the first thing that is wrong; afterwards the spec can be built. */
export function requireSpec(value: unknown): asserts value is ModelSpec {
  requireKeys('spec', value, KEYS.model);
  const spec = value as unknown as ModelSpec;
  if (spec.seed !== undefined) requireInteger('seed', spec.seed, 0, Number.MAX_SAFE_INTEGER);
  if (!Array.isArray(spec.layers) || spec.layers.length === 0)
    throw invalidSetting('layers', `must be a list of layers, got ${shown(spec.layers)}.`);
  spec.layers.forEach((layer, i) => {
    checkLayer(`layers[${i}]`, layer);
  });
  checkOrder(spec.layers);
  if (spec.layers[0]?.kind === 'embedding') {
    if (spec.inputSize !== undefined)
      throw invalidSetting('inputSize', 'is not used by a model that starts with an embedding.');
  } else {
    requireInteger('inputSize', spec.inputSize, 1, MAX_SIZE);
  }
  checkTies(spec.layers, spec.inputSize ?? 0);
}

/** Throws `INVALID_SETTING` where a state cannot go on from batch to batch, or from step to step, through all layers. */
export function requireCarriedState({ layers }: ModelSpec): void {
  layers.forEach((layer, i) => {
    if (layer.kind === 'lstm') requireCarries(`layers[${i}]`, layer, (layer.direction ?? 'forward') !== 'forward');
  });
}
