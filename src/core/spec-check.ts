/** Checks a model's description. createModel loads this file for specs that have more than sizes. */
import {
  isKeyOf,
  requireChoice,
  requireInteger,
  requireKeys,
  requireNumber,
  requireOptional,
  shown,
} from '../checks.js';
import { invalidSetting } from '../errors.js';
import type { ActivitySpec } from './layers/activity.js';
import type { DropoutSpec } from './layers/dropout.js';
import type { EmbeddingSpec } from './layers/embedding.js';
import type { LinearSpec } from './layers/linear.js';

import type { RepeatSpec } from './layers/repeat.js';
import { type LayerSpec, outputSizeOf } from './layers/sizes.js';
import { checkLstm } from './lstm/spec-check.js';
import { MAX_LAYERS, MAX_SIZE } from './sizes.js';
import type { ModelSpec } from './spec.js';
import { checkInits, MAX_DROP_RATE, requireInitializer } from './spec-checks.js';

/** The check of each layer kind: throws `INVALID_SETTING` for the first setting that cannot work. */
const CHECKS: { readonly [K in LayerSpec['kind']]: (path: string, spec: Extract<LayerSpec, { kind: K }>) => void } = {
  embedding(path, spec: EmbeddingSpec) {
    requireKeys(path, spec, ['kind', 'size', 'width', 'name', 'init', 'dropout']);
    requireInteger(`${path}.size`, spec.size, 1, MAX_SIZE);
    requireInteger(`${path}.width`, spec.width, 1, MAX_SIZE);
    if (spec.init !== undefined) requireInitializer(`${path}.init`, spec.init);
    if (spec.dropout !== undefined) requireNumber(`${path}.dropout`, spec.dropout, 0, MAX_DROP_RATE);
  },
  lstm: checkLstm,
  linear(path, spec: LinearSpec) {
    requireKeys(path, spec, ['kind', 'size', 'bias', 'tied', 'name', 'init']);
    requireInteger(`${path}.size`, spec.size, 1, MAX_SIZE);
    requireOptional(`${path}.bias`, spec.bias, 'boolean');
    requireOptional(`${path}.tied`, spec.tied, 'string');
    checkInits(`${path}.init`, spec.init, ['weight', 'bias']);
  },
  dropout(path, spec: DropoutSpec) {
    requireKeys(path, spec, ['kind', 'rate', 'shared', 'name']);
    requireNumber(`${path}.rate`, spec.rate, 0, MAX_DROP_RATE);
    if (spec.shared !== undefined) requireChoice(`${path}.shared`, spec.shared, ['steps']);
  },
  repeat(path, spec: RepeatSpec) {
    requireKeys(path, spec, ['kind', 'steps', 'name']);
    requireInteger(`${path}.steps`, spec.steps, 1, MAX_SIZE);
  },
  activity(path, spec: ActivitySpec) {
    requireKeys(path, spec, ['kind', 'alpha', 'beta', 'name']);
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
  if (!layers.some(({ kind }) => kind === 'embedding' || kind === 'lstm' || kind === 'linear')) {
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
    width = outputSizeOf(layer, width);
  });
}

/** Throws `INVALID_SETTING` for the first setting that cannot work, with its path. */
export function requireSpec(value: unknown): asserts value is ModelSpec {
  requireKeys('spec', value, ['seed', 'inputSize', 'layers']);
  const spec = value as ModelSpec;
  if (spec.seed !== undefined) requireInteger('seed', spec.seed, 0, Number.MAX_SAFE_INTEGER);
  if (!Object.hasOwn(spec, 'layers') || !Array.isArray(spec.layers) || spec.layers.length === 0) {
    throw invalidSetting('layers', `must be a list of layers, got ${shown(spec.layers)}.`);
  }
  if (spec.layers.length > MAX_LAYERS) {
    throw invalidSetting('layers', `must be at most ${MAX_LAYERS} layers, got ${spec.layers.length}.`);
  }
  for (const [i, layer] of spec.layers.entries()) checkLayer(`layers[${i}]`, layer);
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
