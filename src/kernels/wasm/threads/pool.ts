/**
 * The threads that share the wasm backend's work. What each thread does, and how they keep in step, is in
 * assembly/threads.ts; here they are started, given commands, and let go.
 *
 * Nothing is started before a product is large enough to be worth sharing, and until the threads stand ready the main
 * thread goes on alone. No result depends on that: the bits are the same for any number of threads.
 */

import { MAX_THREADS } from '../../../contract/kernels.js';
import type { WasmExports } from '../exports.js';
import type { Heap } from '../heap.js';
import { Command, type Crew, type Window } from './crew.js';

const RING = 1024;

/** What of a block has been touched, row by row, since all threads last met. */
interface Touched {
  /** Where windows began, and how wide their rows were. */
  readonly starts: Map<number, number>;
  low: number;
  high: number;
}

/** What runs in each thread, as text: a worker needs no file of its own, whatever packs or moves this package. */
function threadMain(): void {
  const start = async (job: {
    module: WebAssembly.Module;
    memory: WebAssembly.Memory;
    control: number;
    thread: number;
    threads: number;
    scratch: number;
  }): Promise<void> => {
    const { module, memory, control, thread, threads, scratch } = job;
    const instance = await WebAssembly.instantiate(module, { env: { memory, log: Math.log } });
    const words = new Int32Array(memory.buffer, control);
    Atomics.store(words, 16 * (1 + thread) + 2, 1); // ready
    Atomics.wait(words, 16 * (1 + thread) + 3, 0); // until the main thread counts on it
    (instance.exports.follow as (...args: number[]) => void)(control, thread, threads, scratch);
    close();
  };
  const scope = globalThis as unknown as { onmessage: unknown; process?: NodeJS.Process };
  const node = scope.process?.getBuiltinModule?.('node:worker_threads');
  if (node?.parentPort) node.parentPort.once('message', start);
  else scope.onmessage = (event: MessageEvent) => start(event.data);
  const close = (): void => {
    // Deno's port, which stands in for Node's, cannot be closed; its workers have the close of the web's.
    if (typeof node?.parentPort?.close === 'function') node.parentPort.close();
    else (globalThis as unknown as { close(): void }).close();
  };
}

interface Thread {
  postMessage(job: object): void;
  terminate(): unknown;
}

/** A worker that does not keep the process alive. */
function startThread(): Thread {
  const source = `(${threadMain})()`;
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (node) {
    const worker = new node.Worker(source, { eval: true });
    worker.unref();
    return worker;
  }
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return new Worker(url);
}

export class Team implements Crew {
  /** Threads that are asked for, the main one included. */
  readonly size: number;
  private readonly heap: Heap;
  private readonly x: WasmExports;
  private readonly module: WebAssembly.Module;
  private readonly scratch: number;
  private readonly workers: Thread[] = [];
  private control = 0;
  private words = new Int32Array(0);
  private floats = new Float32Array(0);
  private slots: number[] = [];
  private state: 'idle' | 'starting' | 'running' | 'failed' = 'idle';
  private issued = 0;
  private met = 0;
  private readonly touched = new Map<number, Touched>();
  private rowsOf = 0;

  constructor(heap: Heap, x: WasmExports, module: WebAssembly.Module, size: number, scratch: number) {
    this.heap = heap;
    this.x = x;
    this.module = module;
    this.size = Math.min(size, MAX_THREADS);
    this.scratch = scratch;
  }

  /** Threads that share the work now. */
  get running(): number {
    return this.state === 'running' ? this.size : 1;
  }

  /** Whether a piece of work that is worth sharing can be; the first one starts the threads. */
  shares(): boolean {
    if (this.state === 'running') return true;
    if (this.size < 2 || this.state === 'failed') return false;
    if (this.state === 'idle') this.start();
    else if (this.allReady()) this.admit();
    return (this.state as string) === 'running';
  }

  /** All threads meet before and share `command`. */
  share(command: number, ...args: number[]): void {
    this.touched.clear();
    this.rowsOf = 0;
    this.submit(command, true, args);
  }

  /**
   * Each thread does its rows of `command`, whose matrices all have N rows, without waiting for the others where it may:
   * where every matrix is one that the threads have cut in the same way since they last met, or have not touched.
   */
  shareRows(command: number, N: number, windows: readonly Window[], ...args: number[]): void {
    const meet = this.rowsOf !== N || windows.some((w) => this.isCutAnotherWay(w));
    if (meet) this.touched.clear();
    this.rowsOf = N;
    for (const w of windows) this.touch(w);
    this.submit(command, meet, args);
  }

  /** Until all threads have done everything: before the main thread reads or works alone. */
  settle(): void {
    if (this.state !== 'running' || this.met === this.issued) return;
    this.x.wait(this.control, this.size, this.issued);
    this.met = this.issued;
    this.touched.clear();
    this.rowsOf = 0;
  }

  /** Ends the threads. */
  dispose(): void {
    if (this.state === 'running') {
      this.settle();
      this.submit(Command.stop, false, []);
    } else for (const worker of this.workers) worker.terminate();
    this.state = 'failed';
  }

  private start(): void {
    const { heap, x } = this;
    this.state = 'starting';
    try {
      this.control = heap.alloc(x.CONTROL_BYTES.value as number);
      this.words = new Int32Array(heap.memory.buffer, this.control, (x.CONTROL_BYTES.value as number) / 4);
      this.floats = new Float32Array(this.words.buffer, this.control, this.words.length);
      this.slots = Array.from({ length: RING }, (_, i) => (x.slotAddress(this.control, i) - this.control) / 4);
      for (let thread = 1; thread < this.size; thread++) {
        const worker = startThread();
        this.workers.push(worker);
        const scratch = heap.alloc(4 * x.scratchFloats());
        const { module, control, size: threads } = this;
        worker.postMessage({ module, memory: heap.memory, control, thread, threads, scratch });
      }
    } catch {
      // No workers or no memory for them, or they may not be handed it (a page's policy, say): one thread does it all.
      for (const worker of this.workers) worker.terminate();
      this.state = 'failed';
    }
  }

  private allReady(): boolean {
    return this.workers.every((_, i) => Atomics.load(this.words, 16 * (2 + i) + 2) === 1);
  }

  private admit(): void {
    this.workers.forEach((_, i) => {
      Atomics.store(this.words, 16 * (2 + i) + 3, 1);
      Atomics.notify(this.words, 16 * (2 + i) + 3);
    });
    this.state = 'running';
  }

  private submit(command: number, meet: boolean, args: readonly number[]): void {
    const index = this.issued;
    if (index - this.met >= RING - 1) {
      this.x.wait(this.control, this.size, index); // the ring is full: the slowest has to catch up
      this.met = index;
    }
    const at = this.slots[index & (RING - 1)]!;
    const { words } = this;
    words[at] = command;
    words[at + 1] = meet ? 1 : 0;
    if (command >= Command.fill) this.writeMixed(at + 2, command, args);
    else for (let i = 0; i < args.length; i++) words[at + 2 + i] = args[i]!;
    this.issued = index + 1;
    this.x.submit(this.control, index, this.size, this.scratch);
  }

  /** The commands over elements, some of whose arguments are real numbers. */
  private writeMixed(at: number, command: number, args: readonly number[]): void {
    const real = command === Command.adam ? 5 : command === Command.fill ? 2 : args.length;
    for (let i = 0; i < args.length; i++) {
      if (i < real) this.words[at + i] = args[i]!;
      else this.floats[at + i] = args[i]!;
    }
  }

  private isCutAnotherWay({ at, base, rows, cols }: Window): boolean {
    const t = this.touched.get(base);
    if (!t || t.starts.get(at) === cols) return false;
    return at < t.high && at + 4 * rows * cols > t.low;
  }

  private touch({ at, base, rows, cols }: Window): void {
    const end = at + 4 * rows * cols;
    const t = this.touched.get(base);
    if (!t) this.touched.set(base, { starts: new Map([[at, cols]]), low: at, high: end });
    else {
      t.starts.set(at, cols);
      t.low = Math.min(t.low, at);
      t.high = Math.max(t.high, end);
    }
  }
}
