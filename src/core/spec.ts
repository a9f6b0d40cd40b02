/**
 * A model's description: plain JSON, checked once, here. Discriminated by `kind`, so that an editor completes it.
 */
import { requireInteger, UnspoolError } from '../errors.js';
import { type Initialiser, requireInitialiser } from './init.js';

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
  readonly init?: Initialiser;
}

/**
 * One LSTM layer (F1-F4). Two of them in a row are a stacked LSTM: the k-th layer under one name has the parameters
 * `NAME.weight_ih_lk` [4H, D], `NAME.weight_hh_lk` [4H, H], `NAME.bias_ih_lk` [4H], `NAME.bias_hh_lk` [4H], gate order
 * i, f, g, o, as PyTorch's nn.LSTM.
 */
export interface LstmSpec {
  readonly kind: 'lstm';
  readonly hiddenSize: number;
  /**
   * true: two biases, `bias_ih` and `bias_hh`, as PyTorch (only their sum acts, but an optimizer moves both); `single`:
   * `bias_ih` alone, as Keras and most papers; false: none. Default true.
   */
  readonly bias?: boolean | 'single';
  /** What goes on to the next layer: h of all steps, or of the last one only. Default `all`. */
  readonly returns?: 'all' | 'last';
  /** Prefix of the parameters' names. Default `lstm`. */
  readonly name?: string;
  readonly init?: {
    /** weight_ih. Default `uniform` (1/sqrt(hiddenSize), as PyTorch). */
    readonly input?: Initialiser;
    /** weight_hh. Default `uniform`. */
    readonly recurrent?: Initialiser;
    /** Both biases. Default `zeros`. */
    readonly bias?: Initialiser;
    /**
     * What the forget gate's two biases start as in sum; null leaves them to `bias`. Default 1, so that a cell remembers
     * before it has learnt to (Gers et al. 2000; Jozefowicz et al. 2015).
     */
    readonly forgetBias?: number | null;
  };
}

/** y = x W' + b at every step. Parameters: `NAME.weight` [size, width of input], `NAME.bias` [size]. */
export interface LinearSpec {
  readonly kind: 'linear';
  readonly size: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Prefix of the parameters' names. Default `head`. */
  readonly name?: string;
  /** Both default to `uniform` (1/sqrt(input width), as PyTorch). */
  readonly init?: { readonly weight?: Initialiser; readonly bias?: Initialiser };
}

export type LayerSpec = EmbeddingSpec | LstmSpec | LinearSpec;

export interface ModelSpec {
  /** Where the initial parameters come from. Default 1. */
  readonly seed?: number;
  /** Width of the input's rows; needed where the first layer is no embedding. */
  readonly inputSize?: number;
  readonly layers: readonly LayerSpec[];
}

const KEYS = {
  model: ['seed', 'inputSize', 'layers'],
  embedding: ['kind', 'size', 'width', 'name', 'init'],
  lstm: ['kind', 'hiddenSize', 'bias', 'returns', 'name', 'init'],
  linear: ['kind', 'size', 'bias', 'name', 'init'],
  lstmInit: ['input', 'recurrent', 'bias', 'forgetBias'],
  linearInit: ['weight', 'bias'],
} as const;

const LARGEST = 1 << 24; // a width or vocabulary beyond this is a slip of the keyboard

const fail = (path: string, problem: string, help?: string): never => {
  throw new UnspoolError({ code: 'INVALID_SETTING', path, problem, ...(help ? { help } : {}) });
};

/** A key that nobody reads is a typing error, and is said rather than ignored. */
function requireKeys(
  path: string,
  value: unknown,
  allowed: readonly string[],
): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(path, `should be an object, but is ${JSON.stringify(value)}.`);
  }
  for (const key of Object.keys(value as object)) {
    if (!allowed.includes(key)) fail(`${path}.${key}`, 'is no known setting.', `Known here: ${allowed.join(', ')}.`);
  }
}

function requireOptional(path: string, value: unknown, type: 'boolean' | 'string'): void {
  if (value !== undefined && typeof value !== type) fail(path, `should be a ${type}, but is ${JSON.stringify(value)}.`);
  if (type === 'string' && value === '') fail(path, 'should not be empty.');
}

function checkInits(path: string, init: unknown, allowed: readonly string[]): void {
  if (init === undefined) return;
  requireKeys(path, init, allowed);
  for (const [key, value] of Object.entries(init)) {
    if (value === undefined) continue;
    if (key !== 'forgetBias') requireInitialiser(`${path}.${key}`, value);
    else if (value !== null && !Number.isFinite(value)) fail(`${path}.forgetBias`, 'should be a number or null.');
  }
}

function checkLayer(path: string, layer: unknown, index: number, count: number): void {
  if (typeof layer !== 'object' || layer === null) fail(path, `should be an object, but is ${JSON.stringify(layer)}.`);
  const spec = layer as LayerSpec;
  switch (spec.kind) {
    case 'embedding':
      requireKeys(path, spec, KEYS.embedding);
      requireInteger(`${path}.size`, spec.size, 1, LARGEST);
      requireInteger(`${path}.width`, spec.width, 1, LARGEST);
      if (spec.init !== undefined) requireInitialiser(`${path}.init`, spec.init);
      if (index > 0) fail(path, 'an embedding reads token numbers, so it can only be the first layer.');
      break;
    case 'lstm':
      requireKeys(path, spec, KEYS.lstm);
      requireInteger(`${path}.hiddenSize`, spec.hiddenSize, 1, LARGEST);
      if (spec.bias !== 'single') requireOptional(`${path}.bias`, spec.bias, 'boolean');
      if (spec.returns !== undefined && spec.returns !== 'all' && spec.returns !== 'last') {
        fail(`${path}.returns`, `should be 'all' or 'last', but is ${JSON.stringify(spec.returns)}.`);
      }
      checkInits(`${path}.init`, spec.init, KEYS.lstmInit);
      break;
    case 'linear':
      requireKeys(path, spec, KEYS.linear);
      requireInteger(`${path}.size`, spec.size, 1, LARGEST);
      requireOptional(`${path}.bias`, spec.bias, 'boolean');
      checkInits(`${path}.init`, spec.init, KEYS.linearInit);
      if (index === 0 && count === 1) fail(path, 'a model needs more than one linear layer.', 'Add an lstm layer.');
      break;
    default:
      fail(
        `${path}.kind`,
        `${JSON.stringify((layer as { kind?: unknown }).kind)} is no kind of layer.`,
        'Use embedding, lstm or linear.',
      );
  }
  requireOptional(`${path}.name`, spec.name, 'string');
}

/** Throws `INVALID_SETTING`, with the path of the first thing that is wrong; afterwards the spec can be built. */
export function requireSpec(value: unknown): asserts value is ModelSpec {
  requireKeys('spec', value, KEYS.model);
  const spec = value as unknown as ModelSpec;
  if (spec.seed !== undefined) requireInteger('seed', spec.seed, 0, Number.MAX_SAFE_INTEGER);
  if (!Array.isArray(spec.layers) || spec.layers.length === 0) fail('layers', 'should be a list of layers.');
  spec.layers.forEach((layer, i) => {
    checkLayer(`layers[${i}]`, layer, i, spec.layers.length);
  });
  const first = spec.layers[0];
  if (first?.kind === 'embedding') {
    if (spec.inputSize !== undefined) fail('inputSize', 'is not used by a model that starts with an embedding.');
  } else {
    requireInteger('inputSize', spec.inputSize, 1, LARGEST);
  }
  const last = spec.layers.findIndex((l) => l.kind === 'lstm' && l.returns === 'last');
  if (last >= 0 && spec.layers.slice(last + 1).some((l) => l.kind === 'lstm')) {
    fail(`layers[${last}].returns`, "'last' leaves no steps for the LSTM layers after it.");
  }
}
