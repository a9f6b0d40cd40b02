/** Notes what a run does, to make a replay of it. */
import type { ReplaySupport } from '../device/device.js';
import type { KernelEncoding } from '../device/replay.js';
import type { Allocation } from './allocation.js';
import type { DeviceMemory } from './device-memory.js';
import type { Transition } from './entry.js';
import { makeReplay } from './replay-plan.js';
import type { Trace } from './trace.js';
import type { Call, SizedPiece, Value } from './values.js';

/** What one run does, for a trace. */
export class RunRecording {
  private readonly trace: Trace;
  private readonly transitions: ReadonlyMap<Allocation, Transition>;
  private readonly reads: readonly SizedPiece[];
  private readonly encodings = new Map<Call, KernelEncoding>();
  private readonly startsBefore = new Map<Value, number>();
  private readonly starts = new Map<Value, number>();
  private readonly constants = new Map<Value, Float32Array>();
  private uploads = 0;
  private uploadSize = 0;

  constructor(trace: Trace, transitions: ReadonlyMap<Allocation, Transition>, reads: readonly SizedPiece[]) {
    this.trace = trace;
    this.transitions = transitions;
    this.reads = reads;
  }

  /** Values that were uploaded in one array of `size` numbers. */
  uploaded(values: readonly (readonly [Value, Float32Array])[], starts: readonly number[], size: number): void {
    this.uploads++;
    this.uploadSize = size;
    const given = new Set(this.trace.entries.flatMap(({ name, log }) => (name === 'upload' ? log!.hosts : [])));
    for (const [i, [value, numbers]] of values.entries()) {
      this.starts.set(value, starts[i]!);
      if (!given.has(value)) this.constants.set(value, numbers);
    }
  }

  /** A call that will run. */
  begins({ inputs }: Call): void {
    for (const { value } of inputs) if (!this.startsBefore.has(value)) this.startsBefore.set(value, value.start);
  }

  /** A call that has run. */
  ran(call: Call, encoding: KernelEncoding): void {
    this.encodings.set(call, encoding);
  }

  /** Makes the replay, if the run can be repeated. */
  finish(support: ReplaySupport, memory: DeviceMemory): void {
    if (this.uploads > 1 || this.trace.isDropped) return;
    const { encodings, startsBefore, transitions, reads, constants, starts } = this;
    const upload = this.uploads === 0 ? null : { size: this.uploadSize, starts };
    const run = { encodings, startsBefore, transitions, reads, constants, upload };
    this.trace.replay = makeReplay(support, memory, run);
  }

  /** The run is a plan, or will be one when it occurs again. */
  giveUp(): void {
    this.trace.attempts = Number.POSITIVE_INFINITY;
  }
}
