/** A model's description: plain JSON, checked here once before a model is built. */
import { isKeyOf, requireInteger, requireKeys, requireOptional, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { kindOf, LAYER_KINDS, type LayerSpec } from './layers/registry.js';
import { requireCarries } from './lstm/spec.js';
import { MAX_SIZE } from './spec-checks.js';

export type { ActivitySpec } from './layers/activity.js';
export type { DropoutSpec } from './layers/dropout.js';
export type { EmbeddingSpec } from './layers/embedding.js';
export type { LinearSpec } from './layers/linear.js';
export type { LayerSpec } from './layers/registry.js';
export type { RepeatSpec } from './layers/repeat.js';
export type { LstmSpec } from './lstm/spec.js';

/** A model's layers, from input to output. Plain JSON, unless an initializer is a function. */
export interface ModelSpec {
  /** Seed of the initial parameters. Default 1. */
  readonly seed?: number;
  /** Width of the input's rows. Required unless the first layer is an embedding. */
  readonly inputSize?: number;
  readonly layers: readonly LayerSpec[];
}

/** A bound for files that claim absurd models. */
const MAX_LAYERS = 1000;

function checkLayer(path: string, layer: unknown): void {
  if (typeof layer !== 'object' || layer === null)
    throw invalidSetting(path, `must be an object, got ${shown(layer)}.`);
  const spec = layer as LayerSpec;
  if (!isKeyOf(LAYER_KINDS, spec.kind)) {
    const help = `Use one of ${Object.keys(LAYER_KINDS).join(', ')}.`;
    throw invalidSetting(`${path}.kind`, `unknown layer kind ${shown(spec.kind)}.`, help);
  }
  kindOf(spec).check(path, spec);
  requireOptional(`${path}.name`, spec.name, 'string');
}

/** Checks the layers together: which may come first, and how many time steps each leaves to the next. */
function checkOrder(layers: readonly LayerSpec[]): void {
  let single: string | null = null; // the layer that left only the last step
  for (const [i, layer] of layers.entries()) {
    const path = `layers[${i}]`;
    if (layer.kind === 'embedding' && i > 0) {
      throw invalidSetting(path, 'an embedding reads token numbers, so it must be the first layer.');
    }
    if (layer.kind === 'lstm' && single !== null) {
      const problem = "'last' leaves no steps for the LSTM layers after it.";
      throw invalidSetting(`${single}.returns`, problem, 'Put a repeat layer between them.');
    }
    if (layer.kind === 'repeat') {
      if (single === null && i > 0) {
        const problem = 'repeat turns one step into many, but the layer before it returns all steps.';
        throw invalidSetting(path, problem, "Set returns: 'last'.");
      }
      single = null;
    }
    if (layer.kind === 'lstm' && layer.returns === 'last') single = path;
  }
  if (layers.length === 1 && layers[0]!.kind === 'linear') {
    throw invalidSetting('layers[0]', 'a model must have more than one linear layer.', 'Add an lstm layer.');
  }
  if (!layers.some((layer) => kindOf(layer).hasParameters)) {
    throw invalidSetting('layers', 'no layer has parameters.', 'Add an lstm layer.');
  }
}

/** Checks that the table of a tied layer has the shape of its weight. */
function checkTies(layers: readonly LayerSpec[], inputSize: number): void {
  let width = inputSize;
  const [first] = layers;
  layers.forEach((layer, i) => {
    const path = `layers[${i}].tied`;
    if (layer.kind === 'linear' && layer.tied !== undefined) {
      if (first?.kind !== 'embedding' || (first.name ?? 'embedding') !== layer.tied) {
        throw invalidSetting(path, `no embedding is named ${shown(layer.tied)}.`);
      }
      if (first.size !== layer.size || first.width !== width) {
        const [table, wanted] = [`[${first.size}, ${first.width}]`, `[${layer.size}, ${width}]`];
        throw invalidSetting(path, `must name a table of shape ${wanted}, but ${layer.tied} has shape ${table}.`);
      }
      if (layer.init?.weight !== undefined) {
        throw invalidSetting(path, 'init.weight has no effect on a tied layer.', 'Set it on the embedding.');
      }
    }
    width = kindOf(layer).outputSize(layer, width);
  });
}

/** Throws `INVALID_SETTING` for the first setting that cannot work, with its path. */
export function requireSpec(value: unknown): asserts value is ModelSpec {
  requireKeys('spec', value, ['seed', 'inputSize', 'layers']);
  const spec = value as ModelSpec;
  if (spec.seed !== undefined) requireInteger('seed', spec.seed, 0, Number.MAX_SAFE_INTEGER);
  if (!Array.isArray(spec.layers) || spec.layers.length === 0) {
    throw invalidSetting('layers', `must be a list of layers, got ${shown(spec.layers)}.`);
  }
  if (spec.layers.length > MAX_LAYERS) {
    throw invalidSetting('layers', `must be at most ${MAX_LAYERS} layers, got ${spec.layers.length}.`);
  }
  spec.layers.forEach((layer, i) => {
    checkLayer(`layers[${i}]`, layer);
  });
  checkOrder(spec.layers);
  if (spec.layers[0]?.kind === 'embedding') {
    if (spec.inputSize !== undefined) {
      throw invalidSetting('inputSize', 'is not used by a model that starts with an embedding.');
    }
  } else {
    requireInteger('inputSize', spec.inputSize, 1, MAX_SIZE);
  }
  checkTies(spec.layers, spec.inputSize ?? 0);
}

/** Throws `INVALID_SETTING` where a layer cannot carry its state from one batch or step to the next. */
export function requireCarriedState({ layers }: ModelSpec): void {
  layers.forEach((layer, i) => {
    if (layer.kind === 'lstm') requireCarries(`layers[${i}]`, layer, (layer.direction ?? 'forward') !== 'forward');
  });
}
