/** The WebAssembly modules in the package, deflated and in base64, and which of them this engine can run. */
import { Heap } from './heap.js';
import type { HostCommand } from './host.js';

/**
 * A variant of the main WebAssembly module: `simd` multiplies and then adds; `relaxed` uses fused multiply-add; `revec` does too, with
 * tiles that are fast if V8 fuses pairs of vectors (`revectorize` in unspool/node).
 */
export type WasmVariant = 'simd' | 'relaxed' | 'revec';

/** A main module, or a module with the instructions of LSTM variants. */
export type WasmModule = WasmVariant | `${WasmVariant}-variants`;

/** Each module is a separate file, so that a page loads only those that it runs. */
const load: Partial<Record<WasmModule, () => Promise<{ readonly deflated: string }>>> = {
  simd: () => import('./generated/simd.js'),
  relaxed: () => import('./generated/relaxed.js'),
  'simd-variants': () => import('./generated/simd-variants.js'),
  'relaxed-variants': () => import('./generated/relaxed-variants.js'),
};
const modules = new Map<WasmModule, Promise<WebAssembly.Module>>();

/** Adds a module. Only code that needs those of `revec` adds them, so that pages do not load them. */
export function addModule(name: WasmModule, deflated: string): void {
  load[name] = async () => ({ deflated });
}

/** @internal Returns a module, compiled on the first call. */
export function moduleOf(name: WasmModule): Promise<WebAssembly.Module> {
  let compiled = modules.get(name);
  if (!compiled) modules.set(name, (compiled = compile(name)));
  return compiled;
}

async function compile(name: WasmModule): Promise<WebAssembly.Module> {
  const { deflated } = await load[name]!();
  return WebAssembly.compile(await inflate(deflated));
}

/** @internal The exports of a module that computes in `memory`. */
export async function instantiate<E>(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  host: HostCommand = () => {},
): Promise<E> {
  const { log, cos, sin } = Math;
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, log, cos, sin, host } });
  return exports as unknown as E;
}

/** Uses Node's zlib if available, because loading Node's web streams and `Response` takes several milliseconds. */
async function inflate(base64: string): Promise<BufferSource> {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib');
  if (zlib) return zlib.inflateSync(bytes);
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(inflated).arrayBuffer();
}

/** The smallest modules () -> v128 that use `i8x16.popcnt` and `i8x16.relaxed_swizzle`. */
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10];
const PROBES = {
  simd: [...HEAD, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  relaxed: [...HEAD, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
};

let current: WasmVariant | null | undefined;

const isValid = (probe: readonly number[]): boolean => WebAssembly.validate(Uint8Array.from(probe));

/** Whether a module can be compiled. A page's content-security policy may forbid it, which `validate` does not show. */
function mayCompile(): boolean {
  try {
    return !!new WebAssembly.Module(Uint8Array.from(HEAD.slice(0, 8)));
  } catch {
    return false;
  }
}

/** Why this engine cannot run the wasm backend, as a sentence; null if it can. */
export function wasmProblem(): string | null {
  if (typeof WebAssembly !== 'object') return 'this JavaScript engine has no WebAssembly.';
  if (!mayCompile()) {
    return "the content-security policy forbids WebAssembly; it needs script-src 'wasm-unsafe-eval'.";
  }
  return Heap.isPossible() && isValid(PROBES.simd) ? null : 'this JavaScript engine has no WebAssembly SIMD.';
}

/** The variant in use: by default the best one that this engine runs, or null if it runs none. */
export function wasmVariant(): WasmVariant | null {
  if (current === undefined) current = wasmProblem() ? null : isValid(PROBES.relaxed) ? 'relaxed' : 'simd';
  return current;
}

/** Makes `variant` the variant in use. */
export function useVariant(variant: WasmVariant): void {
  current = variant;
}
