/** Estimators by what stands on a command line or in a JSON file: `tbptt:k1=16,k2=64`. */
import { invalidSetting, isKeyOf } from '../errors.js';
import type { GradientEstimator } from './estimator.js';
import { adaptiveTbptt } from './methods/adaptive.js';
import { artbp, bptt, hDetach, tbptt } from './methods/backwards.js';
import { checkpointed } from './methods/checkpointed.js';
import { deer, quasiDeer } from './methods/deer.js';
import { evolution, pes } from './methods/evolution.js';
import { forwardGradient } from './methods/forward-gradient.js';
import { ok } from './methods/kronecker-sum.js';
import { eprop, rflo, snap } from './methods/local.js';
import { kfRtrl, uoro } from './methods/rank-one.js';
import { rtrl } from './methods/rtrl.js';
import { syntheticGradients } from './methods/synthetic.js';
import { randomizedTelescope } from './methods/telescope.js';

type Settings = Readonly<Record<string, number>>;

interface Known {
  /** In words, for a list. */
  readonly summary: string;
  readonly settings: readonly string[];
  /** Those that may be left out. */
  readonly optional?: readonly string[];
  make(settings: Settings): GradientEstimator;
}

const without = (make: () => GradientEstimator) => ({ settings: [], make });
const perturbing = ['particles', 'sigma'];

export const ESTIMATORS: Readonly<Record<string, Known>> = {
  bptt: { summary: 'back through the whole sequence: exact', ...without(bptt) },
  tbptt: {
    summary: 'every k1 steps, back over the last k2: biased',
    settings: ['k1', 'k2'],
    make: ({ k1, k2 }) => tbptt({ k1: k1!, k2: k2! }),
  },
  adaptiveTbptt: {
    summary: 'each loss back until at most a share `bias` is missing, by the decay seen: biased',
    settings: ['bias', 'max'],
    make: ({ bias, max }) => adaptiveTbptt({ bias: bias!, max: max! }),
  },
  checkpointed: {
    summary: 'exact in a share of the memory, over sequences of `steps` steps',
    settings: ['steps', 'memory'],
    make: ({ steps, memory }) => checkpointed({ steps: steps!, memory: memory! }),
  },
  artbp: {
    summary: 'cut at random, the rest scaled up: unbiased',
    settings: ['cut'],
    make: ({ cut }) => artbp({ cut: cut! }),
  },
  randomizedTelescope: {
    summary: 'a random horizon, its terms scaled up: unbiased',
    settings: ['keep'],
    make: ({ keep }) => randomizedTelescope({ keep: keep! }),
  },
  hDetach: {
    summary: 'the way back through h closed at random: biased',
    settings: ['rate'],
    make: ({ rate }) => hDetach({ rate: rate! }),
  },
  syntheticGradients: {
    summary: 'windows of k steps, and a learnt guess of what lies behind: biased',
    settings: ['k', 'rate'],
    optional: ['rate'],
    make: ({ k, ...rest }) => syntheticGradients({ k: k!, ...rest }),
  },
  rtrl: { summary: 'ds/dtheta carried forwards: exact, S^2 P a step', ...without(rtrl) },
  snap: { summary: 'that, cut to what n steps reach: biased', settings: ['n'], make: ({ n }) => snap({ n: n! }) },
  eprop: { summary: 'eligibility traces without the way through h: biased', ...without(eprop) },
  rflo: { summary: 'those, and errors sent back at random: biased', ...without(rflo) },
  uoro: { summary: 'ds/dtheta as one product of vectors: unbiased', ...without(uoro) },
  kfRtrl: { summary: 'ds/dtheta as one Kronecker product: unbiased', ...without(kfRtrl) },
  ok: {
    summary: 'ds/dtheta as the best sum of `rank` Kronecker products: unbiased',
    settings: ['rank'],
    make: ({ rank }) => ok({ rank: rank! }),
  },
  deer: {
    summary: 'over a trajectory found by Newton iterations: exact at convergence',
    settings: ['tolerance'],
    optional: ['tolerance'],
    make: deer,
  },
  quasiDeer: {
    summary: 'the same by quasi-Newton iterations: exact at convergence',
    settings: ['tolerance'],
    optional: ['tolerance'],
    make: quasiDeer,
  },
  forwardGradient: { summary: 'one random direction, forwards: unbiased', ...without(forwardGradient) },
  evolution: {
    summary: 'antithetic perturbations, window by window: biased',
    settings: perturbing,
    optional: perturbing,
    make: (settings) => evolution(settings),
  },
  pes: {
    summary: 'perturbations summed over the windows: unbiased but for the smoothing',
    settings: perturbing,
    optional: perturbing,
    make: (settings) => pes(settings),
  },
};

/** `NAME` or `NAME:setting=number,...`. Throws `INVALID_SETTING`. */
export function estimatorOf(text: string): GradientEstimator {
  const [, name = '', rest] = /^([^:]*)(?::(.*))?$/s.exec(text)!;
  const known = isKeyOf(ESTIMATORS, name) ? ESTIMATORS[name]! : null;
  if (!known) throw invalidSetting('estimator', `"${name}" is none.`, `Known: ${Object.keys(ESTIMATORS).join(', ')}.`);
  const form = known.settings.map((key) => `${key}=NUMBER`).join(',');
  const help = form ? `Write ${name}:${form}.` : `${name} has no settings.`;
  const settings: Record<string, number> = {};
  for (const part of rest ? rest.split(',') : []) {
    const [key = '', value] = part.split('=');
    const number = value?.trim() ? Number(value) : Number.NaN;
    if (!known.settings.includes(key) || Number.isNaN(number))
      throw invalidSetting(`estimator ${name}`, `does not know "${part}".`, help);
    settings[key] = number;
  }
  const missing = known.settings.filter((key) => !(key in settings) && !known.optional?.includes(key));
  if (missing.length > 0) throw invalidSetting(`estimator ${name}`, `lacks ${missing.join(' and ')}.`, help);
  return known.make(settings);
}
