/** The step that makes a model's learned initial state: s_0 = (h0, c0), the same for all sequences. */
import type { FloatArray } from '../../contract/kernels.js';
import type { LstmTape } from '../../core/lstm/tape.js';
import type { Model } from '../../core/model.js';
import type { StatePart, SystemStep } from '../system.js';

interface Learned {
  readonly part: StatePart;
  /** Its first index in theta. */
  readonly offset: number;
}

/** The learned parts of the state. `parts` are h and c of each LSTM in turn. */
export function learnedStates(
  model: Model,
  lstms: readonly LstmTape[],
  parts: readonly StatePart[],
): readonly Learned[] {
  return lstms.flatMap(({ spec, parameters }, i) =>
    spec.initialState === 'learned'
      ? ['h0', 'c0'].map((name, which) => ({
          part: parts[2 * i + which]!,
          offset: model.parameters.layout.entry(parameters.nameOf(name)).offset,
        }))
      : [],
  );
}

export class InitialStateStep implements SystemStep {
  readonly before: FloatArray;
  readonly state: FloatArray;
  readonly loss = 0;
  readonly outputGradient = null;
  readonly units = null;
  private readonly learned: readonly Learned[];
  private readonly batchSize: number;

  /** `zeros` makes a state of zeros. */
  constructor(learned: readonly Learned[], batchSize: number, parameters: FloatArray, zeros: () => FloatArray) {
    this.learned = learned;
    this.batchSize = batchSize;
    this.before = zeros();
    this.state = zeros();
    this.fill(this.state, parameters);
  }

  lossGradient(): FloatArray {
    return this.zeros();
  }

  vjp(v: ArrayLike<number>, gradient: FloatArray | null): FloatArray {
    if (gradient) {
      this.each((at, p) => {
        gradient[p]! += v[at]!;
      });
    }
    return this.zeros();
  }

  jvp(_u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray {
    const out = this.zeros();
    if (w) this.fill(out, w);
    return out;
  }

  release(): void {}

  private zeros(): FloatArray {
    return this.before.slice().fill(0);
  }

  private fill(state: FloatArray, theta: ArrayLike<number>): void {
    this.each((at, p) => {
      state[at] = theta[p]!;
    });
  }

  /** Calls `act` with each learned number of the state and its index in theta. */
  private each(act: (at: number, p: number) => void): void {
    const S = this.before.length / this.batchSize;
    for (const { part, offset } of this.learned) {
      for (let n = 0; n < this.batchSize; n++) {
        for (let j = part.from; j < part.to; j++) act(n * S + j, offset + j - part.from);
      }
    }
  }
}
