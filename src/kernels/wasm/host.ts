/** Commands that JavaScript performs instead of the WebAssembly module, for a backend over this one. */
import type { Kernels } from '../../contract/kernels.js';
import type { WasmContext } from './context.js';

/** Performs one thread's share of the command at an address (CommandWord in layout.ts). */
export type HostCommand = (command: number, thread: number, threads: number) => void;

/** What a backend adds to this one. */
export interface Extension<Settings = unknown> {
  /** Makes the function that performs `Command.host` in this thread. */
  host(memory: WebAssembly.Memory): HostCommand;
  /**
   * Makes that function in another thread. It is passed to the thread as source text, with the settings as data, so it may use only its
   * arguments and globals.
   */
  open(settings: Settings, memory: WebAssembly.Memory): HostCommand;
  readonly settings: Settings;
  /** What replaces properties and instructions of the backend. */
  replace(context: WasmContext, wasm: Kernels): Partial<Kernels>;
}
