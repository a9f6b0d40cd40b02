/** A5: a^n b^n, learned online, one character at a time. */
import type { GradientEstimator } from '../../estimators/estimator.js';
import { tbptt } from '../../estimators/methods/backwards.js';
import { snap } from '../../estimators/methods/local.js';
import { uoro } from '../../estimators/methods/rank-one.js';
import { bitsPerCharacter } from '../../metrics/classification.js';
import { adam } from '../../optim/adam.js';
import { PAPERS } from '../papers.js';
import { COUNTING_SYMBOLS, countingEntropy, countingText, nextCharacter } from '../tasks.js';
import {
  byLabel,
  type Experiment,
  everySeed,
  figure,
  firstCurves,
  type Job,
  NUMPY_NOTE,
  spread,
  type Verdict,
} from './experiment.js';
import { dataOf, learner, lstmModel } from './learn.js';

interface Case {
  readonly make: () => GradientEstimator;
  /** Characters between two updates. */
  readonly every: number;
  /** Cumulative bits per character over 245k characters that we measured earlier with NumPy, one seed. */
  readonly numpy: string;
}

/** By the label of its jobs. */
export const CASES: Readonly<Record<string, Case>> = {
  'SnAp-1': { make: () => snap({ n: 1 }), every: 1, numpy: '.176 (recent .144)' },
  'TBPTT-16': { make: () => tbptt({ k1: 16, k2: 16 }), every: 16, numpy: '.243' },
  'TBPTT-1': { make: () => tbptt({ k1: 1, k2: 1 }), every: 1, numpy: '.258' },
  UORO: { make: uoro, every: 1, numpy: '.287' },
};

const [LARGEST, UNITS, RATE] = [32, 64, 1e-3];
/** Characters of the NumPy figures. */
const WHOLE = 245_000;
/** Share of the characters, at the end, that `recent` covers. */
const RECENT = 0.1;

export interface A5Job extends Job {
  readonly characters: number;
  readonly units: number;
}

async function train({ label, seed, characters, units }: A5Job, progress: (share: number) => void) {
  const { make, every } = CASES[label]!;
  const one = await learner(lstmModel(COUNTING_SYMBOLS, units, COUNTING_SYMBOLS, seed), make(), {
    optimizer: adam({ learningRate: 1 }), // the schedule gives the rate itself
    schedule: (update) => RATE / (1 + 0.015 * Math.sqrt(update)),
    seed,
  });
  const each = Math.max(1, Math.floor(characters / 200));
  const curve: [number, number][] = [];
  let [seen, sum, recent, recentSeen, next] = [0, 0, 0, 0, each];
  function* text(): Generator<number> {
    const all = countingText(LARGEST, dataOf('a5', seed));
    for (let i = 0; i <= characters; i++) yield all.next().value as number;
  }
  for await (const losses of one.along(nextCharacter(text(), COUNTING_SYMBOLS), characters, every)) {
    seen += losses.count;
    sum += losses.sum;
    if (seen > characters * (1 - RECENT)) {
      recent += losses.sum;
      recentSeen += losses.count;
    }
    if (seen < next) continue;
    next += each;
    curve.push([seen, bitsPerCharacter(sum / seen)]);
    progress(seen / characters);
  }
  one.dispose();
  return {
    values: {
      cumulative: bitsPerCharacter(sum / seen),
      recent: bitsPerCharacter(recent / recentSeen),
      characters: seen,
    },
    curves: { cumulative: curve },
  };
}

export const a5: Experiment<A5Job> = {
  id: 'a5',
  title: 'a^n b^n, online',
  question: 'How many bits per character does each method need while it learns to count from a text that it sees once?',
  source: `The task is from the code of Tallec & Ollivier 2018: a^n and b^n on separate lines, n from 1 to ${LARGEST}; LSTM-${UNITS}, one sequence, Adam 1e-3 / (1 + .015 sqrt t), an update every k1 characters. A model that counts needs ${figure(countingEntropy(LARGEST))} bits per character. The log in its repository reports .262 cumulative bits at 245k characters for UORO. ${NUMPY_NOTE} They are cumulative, over 245k characters of one seed. Shorter runs need more bits per character.`,
  papers: [PAPERS.uoro],
  jobs: ({ seeds, full }) => {
    const characters = full ? WHOLE : 50_000;
    return Object.keys(CASES).flatMap((label) =>
      everySeed(label, seeds, `, ${characters} characters`).map((job) => ({ ...job, characters, units: UNITS })),
    );
  },
  run: train,
  report(done) {
    const groups = byLabel(done);
    const middle = (label: string, name: string) =>
      spread((groups.get(label) ?? []).map(({ values }) => values[name]!)).median;
    return {
      tables: [
        {
          title: 'Bits per character',
          columns: ['method', 'characters', 'our NumPy: 245k', 'cumulative', 'min', 'max', 'last tenth', 'seconds'],
          rows: [...groups].map(([label, results]) => {
            const { median, low, high } = spread(results.map(({ values }) => values.cumulative!));
            const { characters } = results[0]!.job;
            const seconds = spread(results.map((one) => one.seconds)).median;
            const figures = [median, low, high, middle(label, 'recent'), seconds].map(figure);
            return [label, characters, CASES[label]!.numpy, ...figures];
          }),
        },
      ],
      plots: [
        {
          title: 'Cumulative bits per character (first seed of each)',
          x: { label: 'characters' },
          y: { label: 'bits per character', log: true },
          mark: 'line',
          series: firstCurves(groups, 'cumulative'),
        },
      ],
      verdicts: verdicts(groups, middle),
    };
  },
};

function verdicts(groups: ReturnType<typeof byLabel>, middle: (label: string, name: string) => number): Verdict[] {
  const order = Object.keys(CASES);
  const list: Verdict[] = [];
  for (const [better, worse] of order.slice(1).map((label) => [order[0]!, label] as const)) {
    if (!groups.has(better) || !groups.has(worse)) continue;
    const [a, b] = [middle(better, 'cumulative'), middle(worse, 'cumulative')];
    list.push({ claim: `${better} needs fewer bits than ${worse}`, found: `${figure(a)}, ${figure(b)}`, holds: a < b });
  }
  // A shorter run has not reached the entropy yet.
  if (groups.get('SnAp-1')?.every(({ values }) => values.characters! >= WHOLE)) {
    const [recent, floor] = [middle('SnAp-1', 'recent'), countingEntropy(LARGEST)];
    list.push({
      claim: `SnAp-1 ends within a tenth of the entropy, ${figure(floor)} (our NumPy: .144)`,
      found: figure(recent),
      holds: recent < 1.1 * floor,
    });
  }
  return list;
}
