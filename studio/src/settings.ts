/** What is set up: a preset or data of one's own, a model, a training. All of it stands in the URL, to be shared. */
import { ESTIMATORS } from 'unspool/lab';

export const PRESETS = ['counting', 'anbn', 'copy', 'adding', 'sine', 'names', 'novel', 'births', 'own'] as const;
export const CELLS = ['standard', 'coupled', 'peepholes', 'layerNorm'] as const;
/** Estimators with the settings that the lab suggests, such as `tbptt:k1=4,k2=8`. */
export const ESTIMATOR_CHOICES: readonly string[] = Object.entries(ESTIMATORS).flatMap(([name, { examples }]) =>
  examples.map((settings) => (settings ? `${name}:${settings}` : name)),
);
export const OPTIMIZER_NAMES = ['adam', 'sgd', 'rmsprop', 'nadam', 'radam', 'lion', 'adagrad'] as const;
export const BACKENDS = ['auto', 'wasm', 'reference'] as const;

export interface Settings {
  readonly preset: (typeof PRESETS)[number];
  readonly layers: number;
  readonly units: number;
  readonly cell: (typeof CELLS)[number];
  readonly optimizer: (typeof OPTIMIZER_NAMES)[number];
  readonly rate: number;
  readonly estimator: string;
  readonly backend: (typeof BACKENDS)[number];
  /** Sequences side by side, and steps of each. */
  readonly batch: number;
  readonly steps: number;
  readonly seed: number;
}

type Own = Partial<Omit<Settings, 'preset'>>;

const COMMON: Omit<Settings, 'preset'> = {
  layers: 1,
  units: 12,
  cell: 'standard',
  optimizer: 'adam',
  rate: 0.01,
  estimator: 'bptt',
  backend: 'auto',
  batch: 16,
  steps: 24,
  seed: 1,
};

/** Where a preset departs from the common settings. */
const PRESET_SETTINGS: Readonly<Record<Settings['preset'], Own>> = {
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

export const settingsOf = (preset: Settings['preset']): Settings => ({ ...COMMON, ...PRESET_SETTINGS[preset], preset });

/** The least and the most of each number, so that a page cannot be made to freeze by a link. */
export const LIMITS = {
  layers: [1, 4],
  units: [1, 256],
  rate: [1e-6, 10],
  batch: [1, 128],
  steps: [2, 400],
  seed: [0, 2 ** 31],
} as const;

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  preset: PRESETS,
  cell: CELLS,
  optimizer: OPTIMIZER_NAMES,
  backend: BACKENDS,
};

/** What a URL's query says; what it says wrongly is left out, and told. */
export function fromQuery(query: string): { settings: Settings; problems: string[] } {
  const given = new URLSearchParams(query);
  const preset = given.get('preset');
  const known = (PRESETS as readonly string[]).includes(preset ?? '') ? (preset as Settings['preset']) : 'counting';
  const settings: Record<string, string | number> = { ...settingsOf(known) };
  const problems: string[] = [];
  for (const [name, text] of given) {
    if (!(name in settings)) continue;
    const limits = LIMITS[name as keyof typeof LIMITS];
    const choices = CHOICES[name];
    const number = Number(text);
    if (limits) {
      const whole = name === 'rate' || Number.isInteger(number);
      if (whole && number >= limits[0] && number <= limits[1]) settings[name] = number;
      else
        problems.push(
          `${name} should be ${whole ? '' : 'a whole number '}from ${limits[0]} to ${limits[1]}, not ${text}`,
        );
    } else if (choices && !choices.includes(text))
      problems.push(`${name} is one of ${choices.join(', ')}, not ${text}`);
    else settings[name] = text;
  }
  return { settings: settings as unknown as Settings, problems };
}

/** The query of a URL: the preset, and what departs from it. */
export function toQuery(settings: Settings): string {
  const standard = settingsOf(settings.preset);
  const query = new URLSearchParams({ preset: settings.preset });
  for (const [name, value] of Object.entries(settings)) {
    if (value !== standard[name as keyof Settings]) query.set(name, String(value));
  }
  return `?${query}`;
}
