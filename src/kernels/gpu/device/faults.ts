/** What a device complains of, as errors of ours. */
import { UnspoolError } from '../../../errors.js';

/** The part of a WebGL context that tells what went wrong. */
interface ErrorFlags {
  getError(): number;
  readonly NO_ERROR: number;
}

/** How much memory a GPU has, no interface tells. */
const UNKNOWN = Number.POSITIVE_INFINITY;

export const lost = (problem: string): UnspoolError =>
  new UnspoolError({
    code: 'DEVICE_LOST',
    problem,
    help: 'Make the model anew and go on from the last checkpoint: what was on the device is gone.',
  });

export const noMemory = (): UnspoolError =>
  new UnspoolError({
    ...{ code: 'OUT_OF_MEMORY', bytes: null, inUse: null, capacity: UNKNOWN },
    help: 'Lower the batch, the steps or hiddenSize, or use backend: wasm.',
  });

/** `what` has `size` elements, and kernels count to `most`. `lower`: what makes it smaller. */
export const tooLarge = (
  size: number,
  most: number,
  what = 'A matrix',
  lower = 'the batch, the steps or hiddenSize',
): UnspoolError =>
  new UnspoolError({
    ...{ code: 'OUT_OF_MEMORY', bytes: 4 * size, inUse: null, capacity: 4 * most },
    help: `${what} has more elements than a kernel can count: lower ${lower}, or use backend: wasm.`,
  });

type Acted<T> = { readonly value: T } | { readonly error: unknown };

export const settled = <T>(act: () => Promise<T>): Promise<Acted<T>> =>
  act().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

/** What an error of anybody's says. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What came of it. gpu.js's own errors, as of a shader that does not compile, are what the device refused. */
export function outcome<T>(acted: Acted<T>, device: string): T {
  if ('value' in acted) return acted.value;
  const { error } = acted;
  if (error instanceof UnspoolError) throw error;
  throw lost(`${device} refused a call: ${reasonOf(error)}`);
}

/** The flags that stand since the last time; one is told at a time. */
export function errorsOf(gl: ErrorFlags): number[] {
  const flags: number[] = [];
  for (let flag = gl.getError(); flag !== gl.NO_ERROR && flags.length < 8; flag = gl.getError()) flags.push(flag);
  return flags;
}
