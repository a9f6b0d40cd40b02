/** Why operators are not imported. */
import type { ActivationKind } from '../../../contract/kernels.js';
import { ACTIVATION_NUMBERS } from '../../../core/lstm/variant.js';
import { ONNX_ACTIVATIONS } from '../../onnx/activations.js';
import type { Node } from './file.js';
import type { Activated, Value } from './value.js';
import { isView } from './views.js';

/** The activations that are operators, too, by the operator. */
const ACTIVATION_OPS: ReadonlyMap<string, ActivationKind> = new Map(
  Object.entries(ONNX_ACTIVATIONS).flatMap(([kind, [op]]) => (op === 'Affine' ? [] : [[op, kind as ActivationKind]])),
);

/** The activation that a node computes of a value; null if it is another operator. */
export function activated(node: Node, of: Value): Activated | null {
  const kind = ACTIVATION_OPS.get(node.op);
  if (kind === undefined || kind === 'scaledTanh') return null;
  // The defaults of the operators are those of the LSTM operator, except for Elu and ThresholdedRelu, where both have 1.
  const { alpha = 0, beta = 0 } = ACTIVATION_NUMBERS[kind] ?? {};
  const number = (name: string, missing: number): number => {
    const value = node.attributes.get(name);
    return typeof value === 'number' ? value : missing;
  };
  const [, takes] = ONNX_ACTIVATIONS[kind];
  const numbers = { alpha: takes > 0 ? number('alpha', alpha) : 0, beta: takes > 1 ? number('beta', beta) : 0 };
  return { kind: 'activated', node, activation: { kind, ...numbers }, of };
}

const OUTPUTS: ReadonlySet<string> = new Set(['Softmax', 'LogSoftmax', 'Sigmoid']);

/** Quantized operators: of ONNX itself, and of ONNX Runtime (`com.microsoft`). */
const QUANTIZED = /^(Dynamic)?Quantize|^DequantizeLinear$|Integer(ToFloat)?$|^QLinear|^QGemm$/;

/** Why no layer expresses an operator, as a sentence. */
export function problemOf({ op, domain }: Node): string {
  if (QUANTIZED.test(op)) return 'it is quantized. Import the file that was made before the quantization.';
  if (domain !== '') return `it is an operator of ${domain}, not of ONNX itself.`;
  if (op === 'GRU' || op === 'RNN') return 'the only recurrent layer of Unspool is the LSTM.';
  if (OUTPUTS.has(op)) return 'no layer computes it alone. A model ends with logits: apply it to the output.';
  if (op === 'Add') return 'it adds values that are not the bias of a linear layer.';
  if (isView(op) || op === 'Concat' || op === 'Split') return 'it rearranges or selects numbers as no layer does.';
  if (op === 'If') return 'the values of its branches are different, and an input decides which one is used.';
  if (op === 'Loop' || op === 'Scan') return 'it is a loop. Only the layers in it can be imported.';
  return 'no layer computes it.';
}
