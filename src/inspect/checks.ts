/** Checks of traces and grids that a caller passes: a trace may come from a file, a worker or another program. */
import { isObject, requireInteger, requireNumber, shown } from '../checks.js';
import { invalidData, invalidSetting } from '../errors.js';
import { FROM_TRACE, type Grid, MAX_SIDE, requireGrid, requireObject } from './grid.js';
import type { LstmTrace } from './lstm-trace.js';
import type { Trace } from './trace.js';

type Table = Readonly<Record<string, unknown>>;

/** Throws `INVALID_DATA` unless `value` is an object of grids by name. */
export function requireGrids(what: string, value: unknown): asserts value is Readonly<Record<string, Grid>> {
  requireObject(what, value);
  for (const [name, one] of Object.entries(value)) requireGrid(`${what}.${name}`, one);
}

/** Rows and columns of the grids of an LSTM's trace: T steps, D inputs, H units, R outputs, G = 4H; 1 for a single row. */
const GRIDS: Readonly<Record<string, string>> = {
  ...{ x: 'TD', a: 'gates', gates: 'gates', c: 'TH', tanhC: 'TH', h: 'TR' },
  ...{ 'cell.c': 'TH', 'cell.h': 'TH', 'initial.c': '1H', 'initial.h': '1R' },
  ...{ 'grad.x': 'TD', 'grad.a': 'gates', 'grad.gates': 'gates', 'grad.c': 'TH', 'grad.cFromNext': 'TH' },
  ...{ 'grad.cFromH': 'TH', 'grad.h': 'TR', 'grad.hFromAbove': 'TR', 'grad.hFromNext': 'TR' },
  ...{ 'grad.cell.c': 'TH', 'grad.cell.h': 'TH', 'grad.initial.c': '1H', 'grad.initial.h': '1R' },
  ...{ 'grad.inputProduct': 'TG', 'grad.recurrentProduct': 'TG' },
};

/** The same for the parameters by part. */
const PARAMETERS: Readonly<Record<string, string>> = {
  ...{ weight_ih: 'GD', weight_hh: 'GR', bias_ih: '1G', bias_hh: '1G', weight_hr: 'RH', weight_gate_recurrence: '33' },
  ...{ peephole_i: '1H', peephole_f: '1H', peephole_o: '1H', norm_gain_ih: '1G', norm_bias_ih: '1G' },
  ...{ norm_gain_hh: '1G', norm_bias_hh: '1G', norm_gain_c: '1H', norm_bias_c: '1H', h0: '1R', c0: '1H' },
};

const inside = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((now, key) => (isObject(now) ? now[key] : undefined), value);

function sizesOf(layer: Table): Readonly<Record<string, number>> {
  const { steps, inputSize, hiddenSize, outputSize } = layer as unknown as LstmTrace;
  return { 1: 1, T: steps, D: inputSize, H: hiddenSize, R: outputSize, G: 4 * hiddenSize, 3: 3 * hiddenSize };
}

function requireSized(
  what: string,
  value: unknown,
  [rows, cols]: string,
  sizes: Readonly<Record<string, number>>,
): void {
  requireGrid(what, value, sizes[rows!], sizes[cols!]);
}

/** Throws `INVALID_DATA` or `INVALID_SETTING` unless `value` is the trace of an LSTM, whose grids fit each other. */
export function requireLayer(value: unknown, what = 'layer'): asserts value is LstmTrace {
  requireObject(what, value);
  for (const name of ['steps', 'inputSize', 'hiddenSize', 'outputSize']) {
    requireInteger(`${what}.${name}`, value[name], 1, MAX_SIDE);
  }
  for (const name of ['reverse', 'lastOnly']) {
    if (typeof value[name] !== 'boolean')
      throw invalidData(`${what}.${name}`, `must be a boolean, got ${shown(value[name])}.`);
  }
  if (typeof value.name !== 'string') throw invalidData(`${what}.name`, `must be a string, got ${shown(value.name)}.`);
  requireNumber(`${what}.variant.zoneoutH`, inside(value, 'variant.zoneoutH'), 0, 1);
  requireObject(`${what}.parameters`, value.parameters);
  const sizes = sizesOf(value);
  for (const [path, size] of Object.entries(GRIDS)) {
    const parts = size === 'gates' ? ['i', 'f', 'g', 'o'].map((gate) => `${path}.${gate}`) : [path];
    for (const part of parts)
      requireSized(`${what}.${part}`, inside(value, part), size === 'gates' ? 'TH' : size, sizes);
  }
  const normalized = inside(value, 'grad.normalizedC');
  if (normalized !== null || Object.hasOwn(value.parameters, 'norm_gain_c')) {
    requireSized(`${what}.grad.normalizedC`, normalized, 'TH', sizes);
  }
}

/** Throws `INVALID_DATA` or `INVALID_SETTING` unless `value` is a trace: what `trace` returns, or a copy of it. */
export function requireTrace(value: unknown): asserts value is Trace {
  requireObject('trace', value);
  requireGrids('trace.parameters', value.parameters);
  requireGrids('trace.gradients', value.gradients);
  for (const name of ['output', 'outputGrad']) requireGrid(`trace.${name}`, value[name]);
  requireObject('trace.input', value.input);
  if (value.input.kind !== 'tokens') requireGrid('trace.input.x', value.input.x);
  if (!Array.isArray(value.layers)) {
    throw invalidData('trace.layers', `must be a list, got ${shown(value.layers)}.`, FROM_TRACE);
  }
  for (const [i, layer] of value.layers.entries()) requireLayerOf(value.parameters, layer, `trace.layers[${i}]`);
}

/** Checks an LSTM's trace together with the parameters of the whole trace. */
export function requireLayerOf(parameters: Readonly<Record<string, Grid>>, layer: unknown, what = 'layer'): void {
  requireLayer(layer, what);
  for (const part of ['weight_ih', 'weight_hh']) {
    if (!Object.hasOwn(layer.parameters, part))
      throw invalidData(`${what}.parameters.${part}`, 'is missing.', FROM_TRACE);
  }
  for (const [part, name] of Object.entries(layer.parameters)) {
    const size = Object.hasOwn(PARAMETERS, part) ? PARAMETERS[part]! : null;
    const known = typeof name === 'string' && Object.hasOwn(parameters, name);
    if (!size || !known) {
      throw invalidSetting(
        `${what}.parameters.${part}`,
        `is ${shown(name)}, which the trace does not have.`,
        FROM_TRACE,
      );
    }
    requireSized(`trace.parameters.${name}`, parameters[name], size, sizesOf(layer as unknown as Table));
  }
}

/** Throws `INVALID_SETTING` unless `t` is a step of the layer. */
export const requireStep: (t: unknown, steps: number) => asserts t is number = (t, steps) =>
  requireInteger('t', t, 0, steps - 1);
