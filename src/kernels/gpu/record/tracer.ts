/**
 * Follows the instructions from run to run. While they are the same as in an earlier run, with other numbers, they are
 * only compared. If they are the same to the end, the run is replayed; if not, they are recorded after all, in order.
 */
import type { Matrix } from '../../../contract/kernels.js';
import type { UploadBlock } from '../device/replay.js';
import { MAX_REPLAY_ATTEMPTS, MAX_TRACE_LENGTH } from '../thresholds.js';
import { type Allocation, type Segment, sizeOf, type Window } from './allocation.js';
import {
  compare,
  copyOf,
  DIFFERENT,
  type Entry,
  type EntryLog,
  EQUAL,
  eachWindow,
  type InstructionName,
  type Transition,
} from './entry.js';
import { concatenate } from './packing.js';
import type { Recorder } from './recorder.js';
import type { Rehearsal } from './rehearsal.js';
import type { ReplayState } from './replay-state.js';
import { RunRecording } from './run-recording.js';
import { Trace } from './trace.js';
import { TraceCache } from './trace-cache.js';
import type { SizedPiece } from './values.js';

/** Instructions by name. */
type Instructions = Readonly<Partial<Record<InstructionName, unknown>>>;

/** A download that has been requested while a trace was followed. */
interface DeferredRead {
  readonly entry: number;
  resolve(numbers: Float32Array | Promise<Float32Array>): void;
  reject(error: unknown): void;
}

const newLog = (): EntryLog => ({ pieces: [], constants: [], calls: [], hosts: [] });

/** Decides which runs are replayed. */
export class Tracer {
  private readonly rec: Recorder;
  private readonly instructions: Instructions;
  private readonly rehearsal: Rehearsal;
  /** The same instructions, over the rehearsal. */
  private readonly rehearsed: Instructions;
  private readonly traces = new TraceCache();
  /** The trace that is followed, and the number of its instructions that have occurred. */
  private trace: Trace | null = null;
  private at = 0;
  /** Arguments of those with other numbers. */
  private changed = new Map<number, readonly unknown[]>();
  /** What the replay of the trace will upload. */
  private block: UploadBlock | null = null;
  private reads: DeferredRead[] = [];
  /** No instruction has occurred since the last run. */
  private isFresh = true;
  /** What has been recorded since the last run; null if it is of no interest. */
  private entries: Entry[] | null = [];
  /** The trace whose instructions are recorded for a replay, and the segments before them. */
  private recorded: { readonly trace: Trace; readonly before: Map<Allocation, readonly Segment[]> } | null = null;

  constructor(
    [rec, instructions]: readonly [Recorder, Instructions],
    [rehearsal, rehearsed]: readonly [Rehearsal, Instructions],
  ) {
    this.rec = rec;
    this.instructions = instructions;
    this.rehearsal = rehearsal;
    this.rehearsed = rehearsed;
    rec.onTake = () => this.runTaken();
  }

  /** An instruction that returns nothing. */
  call(name: InstructionName, args: readonly unknown[]): void {
    if (!this.follows(name, args)) this.perform(name, args);
  }

  upload(out: Matrix, data: ArrayLike<number>): void {
    if (!this.follows('upload', [out, data.length])) {
      this.perform('upload', [out, data.length], [out, data]);
      return;
    }
    const [index, state] = [this.at - 1, this.trace?.replay];
    const numbers = state
      ? state.setUpload(this.blockOf(state), this.trace!.entries[index]!, data)
      : new Float32Array(data);
    this.changed.set(index, [out, numbers]);
  }

  /** The block for the next upload of the trace that is followed. */
  private blockOf(state: ReplayState): UploadBlock {
    this.block ??= state.takeBlock();
    return this.block;
  }

  download(a: Matrix): Promise<Float32Array> {
    if (!this.follows('download', [a])) return this.perform('download', [a]) as Promise<Float32Array>;
    if (this.reads.length === 0) queueMicrotask(() => this.commit());
    return new Promise((resolve, reject) => this.reads.push({ entry: this.at - 1, resolve, reject }));
  }

  /** Whether an instruction is the next one of a trace. If none continues like this, what was followed is recorded. */
  private follows(name: InstructionName, args: readonly unknown[]): boolean {
    if (this.isFresh) {
      this.isFresh = false;
      this.trace = this.traceAfter(0, name, args);
      if (this.trace === null && this.traces.all.some((trace) => trace.accepts(0, name, args))) this.entries = null;
    }
    const { trace } = this;
    if (!trace) return false;
    const found = trace.compare(this.at, name, args);
    if (found === DIFFERENT) {
      const other = this.traceAfter(this.at, name, args, trace);
      if (other) {
        this.change(trace, other);
        return this.follows(name, args);
      }
      this.record(trace);
      return false;
    }
    if (found !== EQUAL) this.changed.set(this.at, args.map(copyOf));
    this.at++;
    return true;
  }

  /** Follows another trace, which is the same so far. */
  private change({ entries }: Trace, to: Trace): void {
    for (let i = 0; i < this.at; i++) {
      const { args } = entries[i]!;
      if (!this.changed.has(i) && compare(to.entries[i]!.args, args) !== EQUAL) this.changed.set(i, args);
    }
    this.trace = to;
    this.block = null;
  }

  /** A trace that begins with the first `at` instructions of `like`, and then with this one. */
  private traceAfter(at: number, name: InstructionName, args: readonly unknown[], like?: Trace): Trace | null {
    const fits = (trace: Trace): boolean =>
      trace !== like &&
      trace.attempts <= MAX_REPLAY_ATTEMPTS &&
      trace.accepts(at, name, args) &&
      (!like || trace.beginsLike(like, at));
    return this.traces.all.find(fits) ?? null;
  }

  /** Records an instruction. `actual`: its arguments, if those to keep are others. */
  private perform(name: InstructionName, args: readonly unknown[], actual = args): unknown {
    this.isFresh = false;
    const act = this.instructions[name] as (...all: unknown[]) => unknown;
    const { entries, recorded, rec } = this;
    if (!entries) return act(...actual);
    if (recorded) for (const arg of args) eachWindow(arg, ({ base }) => keepSegments(recorded.before, base));
    const log = recorded && newLog();
    entries.push({ name, args: args.map(copyOf), log });
    if (entries.length > MAX_TRACE_LENGTH) this.entries = null;
    rec.log = log;
    try {
      return act(...actual);
    } finally {
      rec.log = null;
    }
  }

  /** Called before an allocation is freed. */
  beforeFree({ base }: Window): void {
    if (this.trace?.allocations.has(base)) this.flush();
  }

  /** Records what has been followed. */
  private flush(): void {
    const { trace } = this;
    this.trace = null;
    if (trace) this.record(trace);
  }

  private record({ entries }: Trace): void {
    const { at, changed, reads } = this;
    this.forget();
    let read = 0;
    for (let i = 0; i < at; i++) {
      const { name, args } = entries[i]!;
      const actual = changed.get(i) ?? args;
      const result = this.perform(name, name === 'upload' ? args : actual, actual);
      if (name === 'download') reads[read++]!.resolve(result as Promise<Float32Array>);
    }
  }

  /** Forgets what has been followed. */
  private forget(): void {
    this.trace = null;
    this.at = 0;
    this.changed = new Map();
    this.block = null;
    this.reads = [];
  }

  /** After the last instruction before a read: replays what has been followed, or records it. */
  private commit(): void {
    const { trace, reads } = this;
    if (!trace || reads.length === 0) return;
    this.traces.use(trace);
    try {
      if (this.at === trace.entries.length) {
        const block = trace.replay?.isCurrent ? this.blockFor(trace, trace.replay) : null;
        if (block) {
          this.replay(trace, trace.replay!, block);
          return;
        }
        trace.replay?.drop();
        trace.replay = null;
        trace.attempts++;
        this.recorded = { trace, before: new Map() };
      }
      this.flush();
    } catch (error) {
      for (const { reject } of reads) reject(error);
    }
  }

  /** What a replay uploads; null if an instruction does something else with its present numbers. */
  private blockFor({ entries }: Trace, state: ReplayState): UploadBlock | null {
    const block = this.blockOf(state);
    for (const [index, args] of this.changed) {
      const entry = entries[index]!;
      if (entry.name === 'upload') {
        const numbers = args[1] as Float32Array;
        if (numbers.buffer !== block.bytes.buffer) state.setUpload(block, entry, numbers);
        continue;
      }
      const act = this.rehearsed[entry.name] as (...all: unknown[]) => unknown;
      const changes = this.rehearsal.changes(entry.log!, () => act(...args));
      if (!changes) return null;
      for (const [call, scalars] of changes.scalars) state.setScalars(block, call, scalars);
      for (const [value, numbers] of changes.hosts) state.setHost(block, value, numbers);
    }
    return block;
  }

  private replay(trace: Trace, state: ReplayState, block: UploadBlock): void {
    const { reads, rec } = this;
    const counts = reads.map(({ entry }) => trace.entries[entry]!.log!.pieces.length);
    this.forget();
    this.isFresh = true;
    trace.attempts = 0;
    state.begin();
    rec.runs
      .enqueue(() => rec.executor.replay(state.replay, block))
      .finally(() => state.end(rec.release))
      .then(
        (found) => {
          let at = 0;
          for (const [i, { resolve }] of reads.entries()) {
            const parts = found.slice(at, (at += counts[i]!));
            resolve(parts.length === 1 ? parts[0]! : concatenate(parts));
          }
        },
        (error: unknown) => {
          for (const { reject } of reads) reject(error);
        },
      );
  }

  /** Called when recorded calls are taken for a run. Returns what notes the run, if it may be replayed later. */
  private runTaken(): RunRecording | null {
    const { entries, recorded } = this;
    [this.entries, this.recorded, this.isFresh] = [[], null, true];
    if (!entries?.some(({ name }) => name === 'download')) return null;
    if (!recorded) {
      this.traces.use(new Trace(entries));
      return null;
    }
    const { trace, before } = recorded;
    if (entries.length !== trace.entries.length) return null; // others followed before the run began
    trace.entries = entries;
    const transitions = new Map<Allocation, Transition>();
    for (const [base, segments] of before) {
      transitions.set(base, { before: segments, after: base.snapshot(), version: base.version });
    }
    return new RunRecording(trace, transitions, this.readsOf(entries));
  }

  private readsOf(entries: readonly Entry[]): SizedPiece[] {
    return entries.flatMap(({ name, args, log }) => {
      if (name !== 'download') return [];
      const blocks = this.rec.blocks(sizeOf(args[0] as Matrix), 1);
      return log!.pieces.map((piece, i) => ({ ...piece, size: blocks[i]![1] - blocks[i]![0] }));
    });
  }

  dispose(): void {
    this.flush();
    this.traces.dispose();
  }
}

function keepSegments(before: Map<Allocation, readonly Segment[]>, base: Allocation): void {
  if (!before.has(base)) before.set(base, base.snapshot());
}
