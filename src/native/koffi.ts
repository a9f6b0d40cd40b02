/** The optional package koffi, which calls functions of native libraries. */

/** A function of a library. It can also run on another thread. */
export interface Foreign {
  (...args: readonly unknown[]): unknown;
  async(...args: unknown[]): void;
}

/** A loaded library. `func` and `symbol` throw for a name that it does not have. */
export interface Library {
  func(name: string, result: string, parameters: readonly string[]): Foreign;
  symbol(name: string, type: string): unknown;
}

/** The part of koffi that is used. */
export interface Koffi {
  /** Of null: what the process itself has loaded. Throws for an unknown library. */
  load(path: string | null): Library;
  /** The address of the first element. */
  address(view: ArrayBufferView): bigint;
  config(): { readonly async_stack_size: number };
  config(settings: { readonly async_stack_size: number }): void;
}

/**
 * The path of the installed koffi, or null. It is not found by an import, so that bundlers of pages do not look for it. A worker of any
 * source can load it by its path.
 */
export function findKoffi(): string | null {
  const modules = globalThis.process?.getBuiltinModule?.('node:module');
  if (!modules) return null;
  const folders = [() => import.meta.url, () => `${globalThis.process?.cwd()}/`];
  for (const folder of folders) {
    try {
      return modules.createRequire(folder()).resolve('koffi');
    } catch {
      // It may be in the other one.
    }
  }
  return null;
}

/** Bytes of stack for a call on another thread: MPICH ends the process with koffi's 128 KiB. */
const STACK = 1 << 22;

/**
 * Loads koffi from the path of `findKoffi`, with a large stack for calls on other threads. `hasStack` is false if other code has used
 * koffi before, after which it refuses another size.
 */
export function loadKoffi(path: string): { readonly koffi: Koffi; readonly hasStack: boolean } {
  const koffi = globalThis.process?.getBuiltinModule('node:module').createRequire(path)(path) as Koffi;
  try {
    if (koffi.config().async_stack_size < STACK) koffi.config({ async_stack_size: STACK });
    return { koffi, hasStack: true };
  } catch {
    return { koffi, hasStack: false };
  }
}

const RTLD_NOW = 2;

/**
 * Keeps a library in memory until the process has ended. Some leave data or threads behind, and koffi closes its libraries before the
 * threads of Node have ended: without this, they would call code that is gone.
 */
export function keepLoaded(koffi: Koffi, path: string): void {
  if (globalThis.process?.platform === 'win32') return; // it has no dlopen
  koffi.load(null).func('dlopen', 'void *', ['str', 'int'])(path, RTLD_NOW);
}
