/** What the user sets up: a task, a model and a training run. All of it is stored in the page's URL, so that it can be shared. */
import type { BackendOptions } from 'unspool';

export const PRESETS = ['counting', 'anbn', 'copy', 'adding', 'sine', 'names', 'novel', 'births', 'own'] as const;
export const CELLS = ['standard', 'coupled', 'peepholes', 'layerNorm'] as const;
/** The backends that run in this page; `gpu` needs gpu.js, which the page does not load. */
export const BACKENDS = ['auto', 'wasm', 'reference'] as const satisfies readonly BackendOptions['backend'][];

export interface Settings {
  readonly preset: (typeof PRESETS)[number];
  readonly layers: number;
  readonly units: number;
  readonly cell: (typeof CELLS)[number];
  /** The name of an optimizer of the library. */
  readonly optimizer: string;
  readonly learningRate: number;
  /** A gradient estimator as the library reads it, such as `tbptt:k1=4,k2=8`. */
  readonly estimator: string;
  readonly backend: (typeof BACKENDS)[number];
  readonly batchSize: number;
  /** Time steps of a sequence. */
  readonly steps: number;
  readonly seed: number;
}

const DEFAULTS: Omit<Settings, 'preset'> = {
  layers: 1,
  units: 12,
  cell: 'standard',
  optimizer: 'adam',
  learningRate: 0.01,
  estimator: 'bptt',
  backend: 'auto',
  batchSize: 16,
  steps: 24,
  seed: 1,
};

/** The settings in which a preset differs from the defaults. */
const PRESET_SETTINGS: Readonly<Record<Settings['preset'], Partial<Omit<Settings, 'preset'>>>> = {
  counting: { units: 8, steps: 20 },
  anbn: { units: 10, steps: 40 },
  copy: { units: 24, steps: 16 },
  adding: { units: 24, steps: 20 },
  sine: { units: 12, steps: 48 },
  names: { units: 48, steps: 24 },
  novel: { units: 64, steps: 48 },
  births: { units: 16, steps: 42 },
  own: { units: 32, steps: 32 },
};

export const settingsOf = (preset: Settings['preset']): Settings => ({
  ...DEFAULTS,
  ...PRESET_SETTINGS[preset],
  preset,
});

/** The smallest and the largest value of each number, so that a link cannot freeze the page. */
export const LIMITS = {
  layers: [1, 4],
  units: [1, 256],
  learningRate: [1e-6, 10],
  batchSize: [1, 128],
  steps: [2, 400],
  seed: [0, 2 ** 31],
} as const;

const CHOICES: Readonly<Record<string, readonly string[]>> = { preset: PRESETS, cell: CELLS, backend: BACKENDS };

/** Names that links used before Unspool 0.2. */
const OLD_NAMES: Readonly<Record<string, keyof Settings>> = { rate: 'learningRate', batch: 'batchSize' };

/** What is wrong with a value, or null. */
function problemOf(name: string, text: string): string | null {
  const limits = LIMITS[name as keyof typeof LIMITS];
  const choices = CHOICES[name];
  if (choices) return choices.includes(text) ? null : `${name} must be one of ${choices.join(', ')}, got ${text}`;
  if (!limits) return null;
  const [min, max] = limits;
  const number = Number(text);
  const isValid = (name === 'learningRate' || Number.isInteger(number)) && number >= min && number <= max;
  const kind = name === 'learningRate' ? 'a number' : 'an integer';
  return isValid ? null : `${name} must be ${kind} from ${min} to ${max}, got ${text}`;
}

/** The settings of a URL's query. An invalid value is replaced by the preset's and reported in `problems`. */
export function fromQuery(query: string): { settings: Settings; problems: string[] } {
  const given = new URLSearchParams(query);
  const preset = given.get('preset');
  const isPreset = (PRESETS as readonly string[]).includes(preset ?? '');
  const settings: Record<string, string | number> = {
    ...settingsOf(isPreset ? (preset as Settings['preset']) : 'counting'),
  };
  const problems: string[] = [];
  for (const [key, text] of given) {
    const name = OLD_NAMES[key] ?? key;
    if (!(name in settings)) continue;
    const problem = problemOf(name, text);
    if (problem) problems.push(problem);
    else settings[name] = name in LIMITS ? Number(text) : text;
  }
  return { settings: settings as unknown as Settings, problems };
}

/** The query of a URL: the preset, and the settings that differ from it. */
export function toQuery(settings: Settings): string {
  const defaults = settingsOf(settings.preset);
  const query = new URLSearchParams({ preset: settings.preset });
  for (const [name, value] of Object.entries(settings)) {
    if (value !== defaults[name as keyof Settings]) query.set(name, String(value));
  }
  return `?${query}`;
}
