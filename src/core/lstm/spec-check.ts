/** The check of an LSTM layer's description. */
import { isKeyOf, requireChoice, requireInteger, requireKeys, requireNumber, requireOptional } from '../../checks.js';
import { ACTIVATIONS, GATE_SETS } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { MAX_SIZE } from '../sizes.js';
import { checkInits, MAX_DROP_RATE } from '../spec-checks.js';
import type { ActivationSpec, CellSpec, LstmSpec } from './spec.js';
import { ACTIVATION_NUMBERS, activation } from './variant.js';

const KEYS = {
  layer: [
    'kind',
    'hiddenSize',
    'bias',
    'returns',
    'direction',
    'projectionSize',
    'initialState',
    'cell',
    'dropConnect',
    'recurrentDropout',
    'zoneout',
    'name',
    'init',
  ],
  cell: ['gates', 'peepholes', 'clip', 'activations', 'layerNorm', 'gateRecurrence'],
  activations: ['gate', 'candidate', 'output'],
  init: ['input', 'recurrent', 'bias', 'forgetBias', 'projection', 'peephole', 'gateRecurrence'],
} as const;

function checkActivation(path: string, value: ActivationSpec | undefined): void {
  if (value === undefined) return;
  const { kind, ...numbers } = typeof value === 'object' && value ? value : { kind: value };
  requireChoice(typeof value === 'object' ? `${path}.kind` : path, kind, ACTIVATIONS);
  const standard = ACTIVATION_NUMBERS[kind] ?? {};
  for (const [key, number] of Object.entries(numbers)) {
    if (!isKeyOf(standard, key)) throw invalidSetting(`${path}.${key}`, `has no effect on ${kind}.`);
    requireNumber(`${path}.${key}`, number, -1e6, 1e6);
  }
  // The backward pass computes slopes from values, which must determine the side of the kink or the distance to the limit.
  const { alpha } = activation(value);
  if (kind === 'leakyRelu' || kind === 'elu' || kind === 'thresholdedRelu' || kind === 'hardSigmoid') {
    requireNumber(`${path}.alpha`, alpha, 0, 1e6);
  }
  if (kind === 'scaledTanh' && alpha === 0) throw invalidSetting(`${path}.alpha`, 'must not be 0.');
}

function checkCell(path: string, cell: CellSpec | undefined): void {
  if (cell === undefined) return;
  requireKeys(path, cell, KEYS.cell);
  const { gates, clip, activations } = cell as CellSpec;
  if (gates !== undefined) requireChoice(`${path}.gates`, gates, GATE_SETS);
  if (clip !== undefined) requireNumber(`${path}.clip`, clip, Number.MIN_VALUE, 1e30);
  for (const key of ['peepholes', 'layerNorm', 'gateRecurrence'] as const) {
    requireOptional(`${path}.${key}`, cell[key], 'boolean');
  }
  if (cell.layerNorm && cell.gateRecurrence) {
    throw invalidSetting(`${path}.gateRecurrence`, 'cannot be combined with layerNorm.', 'Leave one of them out.');
  }
  if (activations === undefined) return;
  requireKeys(`${path}.activations`, activations, KEYS.activations);
  for (const role of KEYS.activations) checkActivation(`${path}.activations.${role}`, activations[role]);
}

function checkNoise(path: string, { dropConnect, recurrentDropout, zoneout }: LstmSpec): void {
  const requireRate = (at: string, value: unknown): void => {
    if (value !== undefined) requireNumber(`${path}.${at}`, value, 0, MAX_DROP_RATE);
  };
  requireRate('dropConnect', dropConnect);
  if (typeof recurrentDropout === 'object') {
    requireKeys(`${path}.recurrentDropout`, recurrentDropout, ['kind', 'rate']);
    requireChoice(`${path}.recurrentDropout.kind`, recurrentDropout.kind, ['variational', 'candidate']);
    requireRate('recurrentDropout.rate', recurrentDropout.rate ?? Number.NaN);
  } else requireRate('recurrentDropout', recurrentDropout);
  if (typeof zoneout === 'object') {
    requireKeys(`${path}.zoneout`, zoneout, ['h', 'c']);
    requireRate('zoneout.h', zoneout.h);
    requireRate('zoneout.c', zoneout.c);
  } else requireRate('zoneout', zoneout);
}

export function checkLstm(path: string, spec: LstmSpec): void {
  requireKeys(path, spec, KEYS.layer);
  requireInteger(`${path}.hiddenSize`, spec.hiddenSize, 1, MAX_SIZE);
  if (spec.bias !== 'single') requireOptional(`${path}.bias`, spec.bias, 'boolean');
  if (spec.returns !== undefined) requireChoice(`${path}.returns`, spec.returns, ['all', 'last']);
  if (spec.direction !== undefined) {
    requireChoice(`${path}.direction`, spec.direction, ['forward', 'reverse', 'bidirectional']);
  }
  if (spec.projectionSize !== undefined) requireInteger(`${path}.projectionSize`, spec.projectionSize, 1, MAX_SIZE);
  if (spec.initialState !== undefined) requireChoice(`${path}.initialState`, spec.initialState, ['zero', 'learned']);
  checkCell(`${path}.cell`, spec.cell);
  checkNoise(path, spec);
  checkInits(`${path}.init`, spec.init, KEYS.init);
}
