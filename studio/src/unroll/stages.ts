/**
 * The stages of a time step: (F1) to (F4), the output layer and the loss, and the way back to (B4) to (B1). Each has a description,
 * equations, and the wires to highlight. The tags are those of docs/derivation.md.
 */
import { GATES } from 'unspool/inspect';

/** A1: the output layer; L: the loss. */
export const FORWARD = ['F1', 'F2', 'F3', 'F4', 'A1', 'L'] as const;
export const BACKWARD = ["L'", "A1'", 'B4', 'B3', 'B2', 'B1'] as const;
/** What the model predicts: one of several classes, or a number. */
export type Prediction = 'class' | 'number';
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

const CELL_STAGES = {
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
    wires: [...GATES],
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
} satisfies Partial<Record<StageId, Stage>>;

/** The stages that depend on what the model predicts. */
const OUTPUT_STAGES = {
  class: {
    A1: {
      title: 'Logits',
      description:
        'The output layer gives each class a score, its logit: a weighted sum of the outputs of all units, plus a bias.',
      equations: ["z = h\\,W_y' + b_y"],
      wires: ['h'],
    },
    L: {
      title: 'Softmax and loss',
      description:
        'The softmax turns the logits into probabilities, which add up to 1. The loss of the step is small if the target has a high probability.',
      equations: ['p_k = \\dfrac{\\exp z_k}{\\sum_j \\exp z_j} \\qquad L_t = -\\ln p_{\\text{target}}'],
      wires: [],
    },
    "L'": {
      title: 'Gradients of the logits',
      description:
        'The gradient of a logit is its probability, minus 1 for the target. It is divided by the number of steps with a target, because the loss is their mean.',
      equations: ['dz_k = \\tfrac1W\\,(p_k - [k = \\text{target}])'],
      wires: [],
    },
    "A1'": {
      title: 'Back through the output layer',
      description:
        'Each logit passes its gradient to the outputs that it read, through the same weights. In (B4), this is the gradient “from above”.',
      equations: ["dh = dz\\,W_y \\qquad dW_y \\mathrel{+}= dz'\\,h \\qquad db_y \\mathrel{+}= dz"],
      wires: ['h'],
    },
  },
  number: {
    A1: {
      title: 'Prediction',
      description: 'The output layer computes the prediction: a weighted sum of the outputs of all units, plus a bias.',
      equations: ["y = h\\,W_y' + b_y"],
      wires: ['h'],
    },
    L: {
      title: 'Loss',
      description: 'The loss of the step is the squared distance between the prediction and the target.',
      equations: ['L_t = (y - \\text{target})^2'],
      wires: [],
    },
    "L'": {
      title: 'Gradient of the prediction',
      description:
        'The gradient grows with the distance to the target. It is divided by the number of steps with a target, because the loss is their mean.',
      equations: ['dy = \\tfrac1W \\cdot 2\\,(y - \\text{target})'],
      wires: [],
    },
    "A1'": {
      title: 'Back through the output layer',
      description:
        'The prediction passes its gradient to the outputs that it read, through the same weights. In (B4), this is the gradient “from above”.',
      equations: ["dh = dy\\,W_y \\qquad dW_y \\mathrel{+}= dy'\\,h \\qquad db_y \\mathrel{+}= dy"],
      wires: ['h'],
    },
  },
} satisfies Record<Prediction, Partial<Record<StageId, Stage>>>;

export const STAGES: Readonly<Record<Prediction, Readonly<Record<StageId, Stage>>>> = {
  class: { ...CELL_STAGES, ...OUTPUT_STAGES.class },
  number: { ...CELL_STAGES, ...OUTPUT_STAGES.number },
};

const OUTPUT_IDS: readonly StageId[] = ['A1', 'L', "L'", "A1'"];
export const isOutput = (id: StageId): boolean => OUTPUT_IDS.includes(id);

/** The tag of a stage in docs/derivation.md: the cross-entropy is (L1), the squared error (L2). */
export const tagOf = (id: StageId, prediction: Prediction): string =>
  id.replace('L', prediction === 'class' ? 'L1' : 'L2').replace("'", '′');
