/** How an LSTM is trained, in eleven chapters: the words. The figures stand in Figures.tsx, the code in snippets.ts. */

export interface Chapter {
  readonly title: string;
  readonly text: readonly string[];
  /** TeX. */
  readonly equations: readonly string[];
  /** Where to see more of it, in this page. */
  readonly room: { readonly hash: string; readonly says: string };
}

const train = { hash: '#train', says: 'Set up & train' };
const unroll = { hash: '#unroll', says: 'Unroll' };
const look = { hash: '#look', says: 'Look' };

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Data preparation',
    text: [
      'A network reads numbers. A text becomes a list of token numbers, one for each different character; measurements are scaled so that their mean is 0 and their spread 1. The scale is taken from the part that is trained on, never from the part that is held out.',
      'Then it is cut: T time steps at once, N sequences side by side. What is to be said at a step, the target, is what comes next. A long text is cut into N streams, and batch k goes on where batch k − 1 stopped, so that the state can be carried along.',
    ],
    equations: ['\\text{target}_t = \\text{input}_{t+1}'],
    room: train,
  },
  {
    title: 'Architecture',
    text: [
      'A unit of an LSTM has a cell state c, which it keeps from step to step, and an output h, which the others see. Three gates say what happens to c: the input gate i what is written, the forget gate f what is kept, the output gate o what is shown. A candidate g is what would be written.',
      'Each of the four looks at the input x and at all h of the step before, through weights of its own. So a layer of H units over D inputs has four blocks of H rows, and each row has D + H weights and a bias.',
    ],
    equations: ['\\text{parameters} = 4H\\,(D + H + 1)'],
    room: train,
  },
  {
    title: 'Initialization',
    text: [
      'Weights start as small random numbers: all alike, every unit would learn the same. Too small, and nothing comes through; too large, and the gates are stuck open or closed from the beginning, where their slope is almost 0.',
      'Two things are worth choosing. A bias of 1 or more on the forget gate lets the network remember before it has learnt to. Orthogonal recurrent weights neither shrink nor stretch what goes through them.',
    ],
    equations: [
      'W \\sim \\mathcal{U}\\!\\left(-\\tfrac{1}{\\sqrt H}, \\tfrac{1}{\\sqrt H}\\right) \\qquad f = \\sigma(a_f + b_f)',
    ],
    room: unroll,
  },
  {
    title: 'Forward pass',
    text: [
      'At each step the four gates are computed from the input and the last output (F1, F2). The cell state is what is kept of the old one and what is written (F3). The output is the cell state, squashed, as far as the output gate lets it through (F4).',
      'The same weights are used at every step. A sequence of T steps is therefore a network of T layers that share their weights: that is what “unrolled” means. The tape keeps what each step computed, since the way back needs it.',
    ],
    equations: ['a = x\\,W_x + h^-\\,W_h + b', 'c = f \\cdot c^- + i \\cdot g \\qquad h = o \\cdot \\tanh c'],
    room: unroll,
  },
  {
    title: 'Loss',
    text: [
      'One number says how wrong the outputs are. For classes it is the cross-entropy: minus the logarithm of the probability that the network gave to what then came. Sure and wrong is expensive; a guess among V costs ln V. For numbers it is the mean squared error.',
      'Each step has a loss of its own, and the loss of the batch is their mean. In bits instead of nats it is what a perfect compressor would need for each character.',
    ],
    equations: [
      'L = -\\tfrac1T \\sum_t \\ln p_t(\\text{target}_t) \\qquad L = \\tfrac1T \\sum_t (y_t - \\text{target}_t)^2',
    ],
    room: look,
  },
  {
    title: 'Backpropagation through time',
    text: [
      'How would the loss change if this number had been a little larger? The chain rule answers that for every number on the tape, from the last step back to the first (B4 to B1). At c two ways meet: through this step’s output, and along the cell state from the step after.',
      'Along c the gradient is multiplied by the forget gate alone, with no weights and no squashing in between. Where f is near 1 it is carried over many steps; where it is small, it vanishes. A weight is used at every step, and its gradient is the sum of what each step adds.',
    ],
    equations: [
      'dc = dc^+ + dh \\cdot o\\,(1 - \\tanh^2 c) \\qquad dc^- = dc \\cdot f',
      "dW_h = \\sum_t {h_{t-1}}'\\,da_t",
    ],
    room: unroll,
  },
  {
    title: 'Parameter update',
    text: [
      'Each weight is moved a little against its gradient. A gradient that is too long is cut to a norm of 1 first: one unlucky batch should not undo what many have learnt.',
      'Adam divides by the size that each weight’s gradient usually has, so that all of them move by about the learning rate at first, however steep their own slope is: see how the points lie on two lines after the first update, and no longer after more.',
    ],
    equations: ['w \\leftarrow w - \\eta\\,\\frac{\\hat m}{\\sqrt{\\hat v} + \\varepsilon}'],
    room: train,
  },
  {
    title: 'Epochs',
    text: [
      'One pass over all the data is an epoch. The loss on what it trains on falls, quickly at first. The loss on what was held out falls too, until the network begins to learn by heart: from there on the one goes down and the other up.',
      'A learning rate that gets smaller towards the end lets the weights settle. An interrupted training goes on from its checkpoint, to the same bits.',
    ],
    equations: ['\\eta_k = \\tfrac{\\eta}{2}\\left(1 + \\cos\\tfrac{\\pi k}{K}\\right)'],
    room: train,
  },
  {
    title: 'Evaluation',
    text: [
      'Only data that was never trained on says how good a model is. And a figure says little alone: compare it with a guess, with the average, with yesterday’s value, with a table of letter pairs. A network that does not beat them has learnt nothing worth its weights.',
      'Then look at single cases: where is it wrong, and what did it say instead?',
    ],
    equations: ['\\text{bits per character} = \\frac{L}{\\ln 2} \\qquad \\text{perplexity} = e^L'],
    room: look,
  },
  {
    title: 'Fine-tuning',
    text: [
      'What is not learnt has to be chosen: learning rate, units, layers, steps. Try a few, far apart, on a short run; the held-out loss decides. The learning rate comes first: too small wastes time, too large never settles, and the best is often just under where it breaks.',
      'When the held-out loss rises, the model is too free for its data: drop units at random in training (dropout), shrink the weights (decay), or stop early and keep the best.',
    ],
    equations: ['y = \\frac{m \\cdot x}{1 - p}, \\quad m \\sim \\text{Bernoulli}(1 - p)'],
    room: train,
  },
  {
    title: 'Deployment',
    text: [
      'A trained model is its weights and a few lines that say what they are: one file, which the library, its command line and this page read, and whose tensors have PyTorch’s names and layout.',
      'To use it, feed one step at a time and keep the state: each step costs the same, however long the sequence has been. It runs in a browser, a worker, Node, Deno and Bun alike.',
    ],
    equations: ['(y_t,\\,s_t) = f(x_t,\\,s_{t-1})'],
    room: train,
  },
];
