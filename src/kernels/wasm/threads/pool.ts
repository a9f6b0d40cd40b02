/**
 * Worker threads that share the work of the wasm backend. assembly/threads.ts describes what each thread does and how the
 * threads stay in step; this file starts them, gives them commands and ends them.
 *
 * No thread starts before the first large command, and the main thread works alone until all threads are ready. The results
 * have the same bits for any number of threads.
 */
import { MAX_THREADS } from '../../../contract/constants.js';
import type { Matrix } from '../../../contract/kernels.js';
import { invalidSetting } from '../../../errors.js';
import type { Thresholds } from '../context.js';
import type { WasmExports } from '../exports.js';
import type { Heap } from '../heap.js';
import type { Extension } from '../host.js';
import { Command, RING_SIZE, ThreadWord } from '../layout.js';
import { Pacing, workOf } from './pacing.js';
import type { SingleThread, Threads, Window } from './single.js';
import { type Failure, sentence, startWorker, type Worker } from './start.js';

/** The part of a block that commands have used since the last barrier. */
interface UsedBlock {
  /** Row width of the matrix at each address. */
  readonly widths: Map<number, number>;
  low: number;
  high: number;
}

/** Shares large commands between the main thread and worker threads. */
export class ThreadPool implements Threads {
  private readonly heap: Heap;
  private readonly wasm: WasmExports;
  private readonly module: WebAssembly.Module;
  /** Number of threads once they run, including the main thread. */
  private readonly size: number;
  private readonly scratch: number;
  private readonly single: SingleThread;
  readonly pass: SingleThread['pass'];
  private readonly workers: Worker[] = [];
  private readonly fallsBack: boolean;
  private readonly extension: Extension | undefined;
  /** Null: every large command is shared. */
  private readonly pacing: Pacing | null;
  private readonly failure: Failure = { problem: null, isOver: false };
  private state: 'idle' | 'starting' | 'running' | 'stopped' = 'idle';
  private control = 0;
  private words = new Int32Array(0);
  /** The first word of each command of the ring, from `control`. */
  private slots: number[] = [];
  private issued = 0;
  /** Number of commands that all threads have certainly finished. */
  private finished = 0;
  private readonly used = new Map<number, UsedBlock>();
  /** Rows of the last command if it was split by rows, otherwise 0. */
  private rows = 0;

  /**
   * @param scratch address of `scratchFloats()` floats for the main thread. @param fallsBack whether the main thread works alone if
   * the others cannot start; otherwise that is an error. @param thresholds if given, it shares
   * large commands even if that is slower.
   */
  constructor(
    heap: Heap,
    wasm: WasmExports,
    module: WebAssembly.Module,
    threads: {
      readonly size: number;
      readonly scratch: number;
      readonly single: SingleThread;
      readonly fallsBack?: boolean;
      readonly thresholds?: Thresholds;
      readonly extension?: Extension | undefined;
    },
  ) {
    this.heap = heap;
    this.wasm = wasm;
    this.module = module;
    this.size = Math.min(threads.size, MAX_THREADS);
    this.scratch = threads.scratch;
    this.single = threads.single;
    this.pass = threads.single.pass;
    this.fallsBack = threads.fallsBack ?? false;
    this.extension = threads.extension;
    this.pacing = threads.thresholds ? null : new Pacing(() => this.barrier());
  }

  get running(): number {
    return this.state === 'running' ? this.size : 1;
  }

  get problem(): string | null {
    return this.failure.problem;
  }

  dispatch(command: Command, isLarge: boolean, integers?: readonly number[], reals?: readonly number[]): void {
    const mayShare = isLarge && this.canShare();
    if (mayShare && (this.pacing?.shares ?? true)) {
      this.used.clear();
      this.rows = 0;
      this.submit(command, true, integers, reals);
    } else {
      this.barrier();
      this.single.dispatch(command, isLarge, integers, reals);
    }
    if (mayShare) this.pacing?.count(workOf(this.single.command));
  }

  dispatchRows(command: Command, matrices: readonly Matrix[] | null): void {
    const mayShare = matrices !== null && this.canShare();
    if (mayShare && (this.pacing?.shares ?? true)) {
      const windows = matrices as readonly Window[];
      const rows = windows[0]!.rows;
      const barrier = this.rows !== rows || windows.some((w) => this.isSplitDifferently(w));
      if (barrier) this.used.clear();
      this.rows = rows;
      for (const window of windows) this.use(window);
      this.submit(command, barrier);
    } else {
      this.barrier();
      this.single.dispatchRows(command);
    }
    if (mayShare) this.pacing?.count(workOf(this.single.command));
  }

  barrier(): void {
    if (this.state !== 'running' || this.finished === this.issued) return;
    this.wasm.wait(this.control, this.size, this.issued);
    this.finished = this.issued;
    this.used.clear();
    this.rows = 0;
  }

  dispose(): void {
    if (this.state === 'running') {
      this.barrier();
      this.submit(Command.stop, false);
      this.state = 'stopped';
    } else this.terminate();
  }

  /** Whether all threads are running. The first call starts them. Throws `INVALID_SETTING` if they cannot and must. */
  private canShare(): boolean {
    if (this.state === 'running') return true;
    if (this.state === 'idle') this.start();
    else if (this.state === 'starting' && this.allReady()) this.admit();
    const { problem } = this;
    if (problem !== null) {
      if (this.state !== 'stopped') this.terminate();
      if (!this.fallsBack) throw invalidSetting('threads', problem, 'Use threads: 1, or threads: "auto".');
    }
    return (this.state as string) === 'running';
  }

  private terminate(): void {
    for (const worker of this.workers) worker.terminate();
    this.state = 'stopped';
  }

  private start(): void {
    const { heap, wasm, module, size: threads, extension } = this;
    const settings = extension?.settings;
    this.state = 'starting';
    try {
      const bytes = wasm.CONTROL_BYTES.value as number;
      const control = heap.alloc(bytes);
      this.control = control;
      this.words = new Int32Array(heap.memory.buffer, control, bytes / 4);
      this.slots = Array.from({ length: RING_SIZE }, (_, i) => this.wordOf(wasm.commandSlot(control, i)));
      for (let thread = 1; thread < threads; thread++) {
        const worker = startWorker(this.failure, extension?.open);
        this.workers.push(worker);
        const scratch = heap.alloc(4 * wasm.scratchFloats());
        const ready = this.threadWord(thread, ThreadWord.ready);
        const admitted = this.threadWord(thread, ThreadWord.admitted);
        worker.postMessage({
          module,
          memory: heap.memory,
          control,
          thread,
          threads,
          scratch,
          ready,
          admitted,
          settings,
        });
      }
    } catch (error) {
      this.failure.problem = sentence(error); // no workers, or no memory that they can share
    }
  }

  /** Index of the word at an address, counted from `control`. The module returns addresses as signed numbers. */
  private wordOf(address: number): number {
    return ((address >>> 0) - this.control) / 4;
  }

  private threadWord(thread: number, word: ThreadWord): number {
    return this.wordOf(this.wasm.threadLine(this.control, thread)) + word;
  }

  private allReady(): boolean {
    return this.workers.every((_, i) => Atomics.load(this.words, this.threadWord(i + 1, ThreadWord.ready)) === 1);
  }

  private admit(): void {
    for (let thread = 1; thread < this.size; thread++) {
      const admitted = this.threadWord(thread, ThreadWord.admitted);
      Atomics.store(this.words, admitted, 1);
      Atomics.notify(this.words, admitted);
    }
    this.failure.isOver = true;
    this.state = 'running';
  }

  private submit(command: Command, barrier: boolean, integers?: readonly number[], reals?: readonly number[]): void {
    const index = this.issued;
    if (index - this.finished >= RING_SIZE - 1) {
      this.wasm.wait(this.control, this.size, index); // the ring is full
      this.finished = index;
    }
    this.single.write(command, barrier, integers, reals);
    this.words.set(this.single.command, this.slots[index & (RING_SIZE - 1)]!);
    this.issued = index + 1;
    this.wasm.submit(this.control, index, this.size, this.scratch);
  }

  private isSplitDifferently({ at, base, rows, cols }: Window): boolean {
    const used = this.used.get(base);
    if (!used || used.widths.get(at) === cols) return false;
    return at < used.high && at + 4 * rows * cols > used.low;
  }

  private use({ at, base, rows, cols }: Window): void {
    const end = at + 4 * rows * cols;
    const used = this.used.get(base);
    if (!used) this.used.set(base, { widths: new Map([[at, cols]]), low: at, high: end });
    else {
      used.widths.set(at, cols);
      used.low = Math.min(used.low, at);
      used.high = Math.max(used.high, end);
    }
  }
}
