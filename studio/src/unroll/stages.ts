/** The eight stages of a time step, (F1) to (F4) and (B4) to (B1): description, equations, and the wires to highlight. */
import { GATES } from 'unspool/inspect';

export const FORWARD = ['F1', 'F2', 'F3', 'F4'] as const;
export const BACKWARD = ['B4', 'B3', 'B2', 'B1'] as const;
export type StageId = (typeof FORWARD)[number] | (typeof BACKWARD)[number];

export const isBackward = (id: StageId): boolean => (BACKWARD as readonly string[]).includes(id);

export interface Stage {
  readonly title: string;
  readonly description: string;
  /** TeX. */
  readonly equations: readonly string[];
  /** Ids of wires in the diagram. */
  readonly wires: readonly string[];
}

const PREACTIVATIONS = GATES.map((gate) => `a${gate}`);

export const STAGES: Readonly<Record<StageId, Stage>> = {
  F1: {
    title: 'Pre-activations',
    description: 'Each gate computes a weighted sum of the input, the previous output and a bias.',
    equations: ['a = x\\,W_x + h^-\\,W_h + b'],
    wires: ['x', 'hBefore', ...PREACTIVATIONS],
  },
  F2: {
    title: 'Gate activations',
    description:
      'A sigmoid maps the three gates to between 0 (closed) and 1 (open). A tanh maps the candidate g to between −1 and 1.',
    equations: ['i, f, o = \\sigma(a_{i,f,o}) \\qquad g = \\tanh(a_g)'],
    wires: GATES,
  },
  F3: {
    title: 'Cell state',
    description: 'The forget gate scales the old cell state; the input gate scales the candidate, which is added.',
    equations: ['c = f \\cdot c^- + i \\cdot g'],
    wires: ['cBefore', 'kept', 'written', 'f', 'i', 'g', 'c'],
  },
  F4: {
    title: 'Output',
    description: 'The output is the tanh of the cell state, scaled by the output gate.',
    equations: ['h = o \\cdot \\tanh c'],
    wires: ['o', 'tanhC', 'h'],
  },
  B4: {
    title: 'Gradients of the output and the cell state',
    description:
      'dL/dh is the sum of the gradients from the layer above and from the next time step. It flows into the output gate and into c, where the gradient along the cell state is added.',
    equations: ['do = dh \\cdot \\tanh c', 'dc = dc^+ + dh \\cdot o\\,(1 - \\tanh^2 c)'],
    wires: ['h', 'o', 'tanhC', 'c'],
  },
  B3: {
    title: 'Gradients of the products',
    description:
      'Each factor of a product receives the gradient times the other factor. The previous cell state receives dc times the forget gate, with no weights and no activation.',
    equations: ['di = dc \\cdot g \\quad dg = dc \\cdot i \\quad df = dc \\cdot c^- \\quad dc^- = dc \\cdot f'],
    wires: ['c', 'written', 'kept', 'i', 'f', 'g', 'cBefore'],
  },
  B2: {
    title: 'Gradients of the pre-activations',
    description:
      'A gate that is nearly open or nearly closed has a slope near 0 and passes almost no gradient: it is saturated.',
    equations: ['da_s = ds \\cdot s\\,(1 - s) \\qquad da_g = dg\\,(1 - g^2)'],
    wires: [...GATES, ...PREACTIVATIONS],
  },
  B1: {
    title: 'Gradients of the weights and the previous output',
    description:
      'The gradient of a weight is da times the value that the weight multiplied. All gates of all units contribute to dh⁻, the gradient of the previous output.',
    equations: [
      "dW_x \\mathrel{+}= x'\\,da \\quad dW_h \\mathrel{+}= {h^-}'\\,da \\quad db \\mathrel{+}= da",
      "dh^- = da\\,W_h' \\qquad dx = da\\,W_x'",
    ],
    wires: [...PREACTIVATIONS, 'x', 'hBefore'],
  },
};
