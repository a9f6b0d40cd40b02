/** Tries a library in another process, because native code that crashes ends the process. */
import { cannot } from './library.js';
import { type OpenSettings, openSgemm } from './open.js';

/** A library that hangs is ended after this time. */
const TIMEOUT_MS = 60_000;

/** What the other process prints last. */
const FINISHED = 'finished';

/** The program of the other process. It is passed on as source text, and uses only its arguments and globals. */
function probeMain(open: typeof openSgemm, settings: OpenSettings, finished: string): void {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const multiply = open(settings, memory);
  const words = new Int32Array(memory.buffer);
  // Matrices of 256 KiB, with one that is small, wide and high.
  for (const [R, C, K] of [
    [5, 7, 3],
    [32, 256, 100],
    [256, 32, 100],
  ] as const) {
    for (let flags = 0; flags < 8; flags++) {
      words.set([1 << 18, R, C, 2 << 18, 3 << 18, K, flags], settings.arguments);
      multiply(0, 0, 1);
    }
  }
  console.log(finished);
}

/** Throws `INVALID_SETTING` if the library crashes, hangs or cannot be called. @param title its name and version. */
export async function probe(settings: OpenSettings, title: string): Promise<void> {
  const { env, execPath, getBuiltinModule, versions } = globalThis.process;
  const { execFile } = getBuiltinModule('node:child_process');
  const program = `(${probeMain})(${openSgemm}, ${JSON.stringify(settings)}, '${FINISHED}')`;
  // Without options for this process, such as a debugger. Electron runs programs of Node with the other variable.
  const options = { env: { ...env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' }, timeout: TIMEOUT_MS };
  const problem = await new Promise<string | null>((resolve) => {
    try {
      execFile(execPath, [versions.deno ? 'eval' : '--eval', program], options, (error, output, errors) => {
        if (error) resolve(problemOf(error, errors));
        else resolve(output.includes(FINISHED) ? null : 'a product ended the process that tried it');
      });
    } catch (error) {
      resolve(`the process that tries it cannot start: ${(error as Error).message}`); // Node's permission model forbids it
    }
  });
  if (problem !== null) throw cannot(`cannot use ${title}: ${problem}.`, 'Use backend: "wasm", or another library.');
}

/** How a process has ended, as Node reports it. */
interface Ended extends Error {
  /** Its exit code. A string, or missing, if it did not start. */
  readonly code?: string | number | null;
  /** Whether it was ended because of its time. */
  readonly killed?: boolean;
  readonly signal?: string | null;
}

/** Why the other process failed. @param errors what it has written to the standard error. */
function problemOf(error: Ended, errors: string): string {
  const { code, killed, signal } = error;
  if (killed) return `it did not finish its products in ${TIMEOUT_MS / 1000} seconds`;
  const ending = signal ?? code;
  if (typeof code === 'string' || ending === undefined)
    return `the process that tries it cannot start: ${error.message}`;
  const message = /^\w*Error: (.+?)\.?$/m.exec(errors)?.[1];
  return message ? `it cannot be called: ${message}` : `a product crashed the process that tried it (${ending})`;
}
