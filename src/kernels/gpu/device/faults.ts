/** Device errors as `UnspoolError`s. */
import { UnspoolError } from '../../../errors.js';

/** The error flags of a WebGL context. */
interface ErrorFlags {
  getError(): number;
  readonly NO_ERROR: number;
}

/** No API reports how much memory a GPU has. */
const UNKNOWN = Number.POSITIVE_INFINITY;

/** The error for a device that was lost or rejected a call. */
export const deviceLost = (problem: string): UnspoolError =>
  new UnspoolError({
    code: 'DEVICE_LOST',
    problem,
    help: 'Everything on the device is gone: make a new model and resume from the last checkpoint.',
  });

/** The error for a device without free memory. */
export const outOfMemory = (): UnspoolError =>
  new UnspoolError({
    ...{ code: 'OUT_OF_MEMORY', bytes: null, inUse: null, capacity: UNKNOWN },
    help: 'Lower the batch, the steps or hiddenSize, or use backend: wasm.',
  });

/**
 * The error for `what`, which has `size` elements, more than the `max` of a kernel. `lower`: the settings that make it
 * smaller.
 */
export const tooLarge = (
  size: number,
  max: number,
  what = 'A matrix',
  lower = 'the batch, the steps or hiddenSize',
): UnspoolError =>
  new UnspoolError({
    ...{ code: 'OUT_OF_MEMORY', bytes: 4 * size, inUse: null, capacity: 4 * max },
    help: `${what} has more elements than a kernel can index: lower ${lower}, or use backend: wasm.`,
  });

/** The value of a call, or what it threw. */
type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** Runs `act`, and returns its value or what it threw. */
export const settle = <T>(act: () => Promise<T>): Promise<Settled<T>> =>
  act().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

/** The message of any thrown value. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The value of a settled call. Errors of gpu.js, such as of a shader that does not compile, become `DEVICE_LOST`. */
export function outcome<T>(settled: Settled<T>, device: string): T {
  if ('value' in settled) return settled.value;
  const { error } = settled;
  if (error instanceof UnspoolError) throw error;
  throw deviceLost(`${device} refused a call: ${reasonOf(error)}`);
}

/** The error flags set since the last call. WebGL reports one at a time. */
export function errorsOf(gl: ErrorFlags): number[] {
  const flags: number[] = [];
  for (let flag = gl.getError(); flag !== gl.NO_ERROR && flags.length < 8; flag = gl.getError()) flags.push(flag);
  return flags;
}
