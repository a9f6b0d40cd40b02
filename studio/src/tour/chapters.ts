/** The text of the tour's chapters. The figures are in figures/, the code is in snippets.ts. */

export interface Chapter {
  readonly title: string;
  readonly text: readonly string[];
  /** TeX. */
  readonly equations: readonly string[];
  /** The view that shows more. */
  readonly link: { readonly hash: string; readonly title: string };
}

const train = { hash: '#train', title: 'Set up & train' };
const unroll = { hash: '#unroll', title: 'Unroll' };
const inspect = { hash: '#inspect', title: 'Inspect' };

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Data preparation',
    text: [
      'A network reads numbers. A text becomes a list of token numbers, one for each distinct character. Measurements are standardized: they are shifted and scaled to a mean of 0 and a standard deviation of 1. Compute both from the training data only, never from the validation data.',
      'A batch holds N sequences of T time steps. The target of a time step is the input of the next one. A long text is cut into N streams, and batch k continues where batch k − 1 ended, so that the state can be carried over.',
    ],
    equations: ['\\text{target}_t = \\text{input}_{t+1}'],
    link: train,
  },
  {
    title: 'Architecture',
    text: [
      'Each unit of an LSTM has a cell state c, which persists from step to step, and an output h, which the other units read. Three gates control c: the input gate i decides what is written, the forget gate f what is kept, and the output gate o what is shown. The candidate g is the value to write.',
      'Each of the four reads the input x and the outputs h of all units at the previous step, each through its own weights. A layer of H units with D inputs therefore has four blocks of H rows, and each row has D + H weights and a bias.',
    ],
    equations: ['\\text{parameters} = 4H\\,(D + H + 1)'],
    link: train,
  },
  {
    title: 'Initialization',
    text: [
      'Weights start as small random numbers. If they were all equal, every unit would learn the same thing. If they are too small, the signal fades; if they are too large, the gates saturate at 0 or 1, where their slope is almost 0.',
      'Two choices help. A forget gate bias of 1 or more lets the network remember before it has learned to. Orthogonal recurrent weights neither shrink nor stretch the signal.',
    ],
    equations: [
      'W \\sim \\mathcal{U}\\!\\left(-\\tfrac{1}{\\sqrt H}, \\tfrac{1}{\\sqrt H}\\right) \\qquad f = \\sigma(a_f + b_f)',
    ],
    link: unroll,
  },
  {
    title: 'Forward pass',
    text: [
      'At each time step, the four gates are computed from the input and the previous output (F1, F2). The new cell state is the part of the old one that is kept, plus what is written (F3). The output is the tanh of the cell state, scaled by the output gate (F4).',
      'The same weights are used at every time step. A sequence of T steps is therefore a network of T layers that share their weights: this is what “unrolled” means. The tape keeps the results of each step, because the backward pass needs them.',
    ],
    equations: ['a = x\\,W_x + h^-\\,W_h + b', 'c = f \\cdot c^- + i \\cdot g \\qquad h = o \\cdot \\tanh c'],
    link: unroll,
  },
  {
    title: 'Loss',
    text: [
      'The loss is one number that measures how wrong the outputs are. For classes, it is the cross-entropy: minus the logarithm of the probability that the model gave to the target. A confident error is expensive; a random guess among V classes costs ln V. For numbers, it is the mean squared error.',
      'Each time step has a loss, and the loss of the batch is their mean. Measured in bits instead of nats, the cross-entropy is the size per character that an ideal compressor would reach with this model.',
    ],
    equations: [
      'L = -\\tfrac1T \\sum_t \\ln p_t(\\text{target}_t) \\qquad L = \\tfrac1T \\sum_t (y_t - \\text{target}_t)^2',
    ],
    link: inspect,
  },
  {
    title: 'Backpropagation through time',
    text: [
      'How would the loss change if this number were slightly larger? The chain rule answers this for every number on the tape, from the last step back to the first (B4 to B1). Two paths meet at c: through the output of the same step, and along the cell state from the next step.',
      'Along c, the gradient is multiplied only by the forget gate, not by weights or slopes. Where f is near 1, the gradient survives many steps; where f is small, it vanishes. A weight is used at every step, so its gradient is the sum over all steps.',
    ],
    equations: [
      'dc = dc^+ + dh \\cdot o\\,(1 - \\tanh^2 c) \\qquad dc^- = dc \\cdot f',
      "dW_h = \\sum_t {h_{t-1}}'\\,da_t",
    ],
    link: unroll,
  },
  {
    title: 'Parameter update',
    text: [
      'Each weight moves a small distance against its gradient. Gradients with a large norm are first clipped to a norm of 1, so that one unusual batch cannot undo what many others have taught.',
      'Adam divides by the typical size of each weight’s gradient. At first, every weight therefore moves by about the learning rate, however large its gradient is: after the first update the points lie on two lines, after further updates they spread out.',
    ],
    equations: ['w \\leftarrow w - \\eta\\,\\frac{\\hat m}{\\sqrt{\\hat v} + \\varepsilon}'],
    link: train,
  },
  {
    title: 'Epochs',
    text: [
      'An epoch is one pass over all training data. The training loss falls quickly at first. The validation loss falls too, until the network starts to memorize its training data: from then on, the training loss falls and the validation loss rises.',
      'A learning rate that decreases towards the end lets the weights settle. You can resume an interrupted training run from its checkpoint, with bit-identical results.',
    ],
    equations: ['\\eta_k = \\tfrac{\\eta}{2}\\left(1 + \\cos\\tfrac{\\pi k}{K}\\right)'],
    link: train,
  },
  {
    title: 'Evaluation',
    text: [
      'Only data that the model was not trained on show how good it is. A single number means little: compare it with a random guess, the mean, yesterday’s value or a table of letter pairs. A network that does not beat these baselines has learned nothing useful.',
      'Then look at individual cases: where is the model wrong, and what did it predict instead?',
    ],
    equations: ['\\text{bits per character} = \\frac{L}{\\ln 2} \\qquad \\text{perplexity} = e^L'],
    link: inspect,
  },
  {
    title: 'Fine-tuning',
    text: [
      'Hyperparameters are chosen, not learned: learning rate, units, layers, time steps. Try a few values that are far apart in short runs, and compare their validation losses. Start with the learning rate: if it is too small, training is slow; if it is too large, training never settles. The best value is often just below the one at which training fails.',
      'If the validation loss rises, the model overfits: drop units at random during training (dropout), shrink the weights (weight decay), or stop early and keep the best model.',
    ],
    equations: ['y = \\frac{m \\cdot x}{1 - p}, \\quad m \\sim \\text{Bernoulli}(1 - p)'],
    link: train,
  },
  {
    title: 'Deployment',
    text: [
      'A trained model is its weights plus a short description, in one file. The library, its command line and this page can read it, and its tensors have the names and the layout of PyTorch.',
      'To use the model, feed it one time step at a time and keep the state. Every step costs the same, however long the sequence is. This works in browsers, workers, Node, Deno and Bun.',
    ],
    equations: ['(y_t,\\,s_t) = f(x_t,\\,s_{t-1})'],
    link: train,
  },
];
