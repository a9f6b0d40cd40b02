/**
 * Stages that can keep the previous state: s = hold s- + keep s', hold + keep = 1, for h and c.
 *   (Z1) zoneout: each unit keeps its state with probability z; outside of training, hold = z (Krueger et al. 2017, eq. 5)
 *   (Z2) ragged batches: a row that has ended keeps its state; one mask value per row
 * The derivative has two paths: ds' = keep ds through the step, and ds- += hold ds around it.
 */
import type { Matrix } from '../../contract/kernels.js';
import { maskPieces, streamOf } from '../masks.js';
import { blocks, type SequenceMasks } from '../pass.js';
import type { LstmState } from './blocks.js';
import type { VariantBuffers } from './variant.js';

/** The buffers between two stages: h and c by time, and their gradients. */
export interface Slot {
  readonly values: readonly LstmState[];
  readonly grads: readonly LstmState[] | null;
  /** dL/dh of all steps, (T*N, R). */
  readonly dh: Matrix | null;
}

interface HoldStage {
  forward(t: number): void;
  /** ds' = keep ds */
  backwardIn(t: number): void;
  /** ds- += hold ds, after the step has written its own ds-. */
  backwardPast(t: number): void;
}

type Multiply = (out: Matrix, a: Matrix, share: Matrix, accumulate: boolean) => void;

/** `hold` and `keep` are the factors of h and c at each time; `multiply` applies them. */
function holdStage(
  b: VariantBuffers,
  multiply: Multiply,
  [hold, keep]: readonly [readonly LstmState[], readonly LstmState[]],
  from: Slot,
  to: Slot,
): HoldStage {
  const parts = ['h', 'c'] as const;
  return {
    forward(t) {
      for (const s of parts) {
        multiply(to.values[t]![s], b.steps[t]!.before[s], hold[t]![s], false);
        multiply(to.values[t]![s], from.values[t]![s], keep[t]![s], true);
      }
    },
    backwardIn(t) {
      for (const s of parts) multiply(from.grads![t]![s], to.grads![t]![s], keep[t]![s], false);
    },
    backwardPast(t) {
      for (const s of parts) multiply(b.grad!.steps[t]!.before[s], to.grads![t]![s], hold[t]![s], true);
    },
  };
}

export function endsStage(
  b: VariantBuffers,
  { activeMask, finishedMask }: SequenceMasks,
  from: Slot,
  to: Slot,
): HoldStage {
  const { k, step, live } = b;
  const both = (m: Matrix): LstmState[] => blocks(k, m, b.shape.batchSize).map((column) => ({ h: column, c: column }));
  const stage = holdStage(b, (...args) => step.scaleRows(...args), [both(finishedMask), both(activeMask)], from, to);
  if (!live) return stage;
  const move = (out: LstmState, a: LstmState): void => {
    step.copy(out.h, a.h);
    step.copy(out.c, a.c);
  };
  return {
    forward: (t) => (live.isSolid ? move(to.values[t]!, from.values[t]!) : stage.forward(t)),
    backwardIn: (t) => (live.isSolid ? move(from.grads![t]!, to.grads![t]!) : stage.backwardIn(t)),
    backwardPast: (t) => {
      if (!live.isSolid) stage.backwardPast(t);
    },
  };
}

export function zoneoutStage(b: VariantBuffers, from: Slot, to: Slot) {
  const { k, step, pass, rates } = b;
  const { steps: T, batchSize: N } = b.shape;
  const masks = (['h', 'c'] as const).map((part) => {
    const width = b.state[part].cols;
    const rate = part === 'h' ? rates.zoneoutH : rates.zoneoutC;
    const stream = streamOf(`${b.name}/zoneout/${part}`);
    return { rate, stream, hold: k.alloc(T * N, width), keep: k.alloc(T * N, width) };
  });
  const [h, c] = masks as [(typeof masks)[0], (typeof masks)[0]];
  const byTime = (which: 'hold' | 'keep'): LstmState[] => {
    const [hs, cs] = [blocks(k, h[which], N), blocks(k, c[which], N)];
    return hs.map((own, t) => ({ h: own, c: cs[t]! }));
  };
  const stage = holdStage(b, (...args) => step.multiply(...args), [byTime('hold'), byTime('keep')], from, to);
  return {
    ...stage,
    draw() {
      for (const { rate, stream, hold, keep } of masks) {
        if (pass.noise) {
          const place = { stream, over: 'steps', batchSize: N } as const;
          for (const [piece, key] of maskPieces(k, hold, pass.noise, place))
            k.bernoulli(piece, key, { probability: rate, hit: 1, miss: 0 });
          for (const [piece, key] of maskPieces(k, keep, pass.noise, place))
            k.bernoulli(piece, key, { probability: rate, hit: 0, miss: 1 });
        } else {
          k.fill(hold, rate);
          k.fill(keep, 1 - rate);
        }
      }
    },
  };
}
