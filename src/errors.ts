/**
 * One typed error for the whole package. `problem` is a plain object whose `code` tells its shape, so that a program
 * can act on it; `message` is the same thing in words, ending with what to do about it.
 */
export type Problem =
  /** A tensor does not have the shape that `op` needs. */
  | {
      readonly code: 'SHAPE_MISMATCH';
      readonly op: string;
      readonly tensor: string;
      readonly expected: readonly (number | string)[];
      readonly actual: readonly number[];
      readonly help?: string;
    }
  /** A model, data or training setting that cannot work. `path` says where it stands, as in `layers[1].hiddenSize`. */
  | { readonly code: 'INVALID_SETTING'; readonly path: string; readonly problem: string; readonly help?: string }
  /** Data that cannot be learnt from or predicted with: empty, too short, a token that is out of range. */
  | { readonly code: 'INVALID_DATA'; readonly what: string; readonly problem: string; readonly help?: string }
  /** The content of a file is not what it should be. */
  | { readonly code: 'INVALID_FILE'; readonly file: string; readonly problem: string; readonly help?: string }
  /** The system would not read or write a file. `cause` is its code, such as `ENOENT` or `ENOSPC`. */
  | {
      readonly code: 'FILE_ACCESS';
      readonly file: string;
      readonly cause: string;
      readonly problem: string;
      readonly help?: string;
    }
  /** A number became NaN or infinite in training. */
  | {
      readonly code: 'NOT_FINITE';
      readonly update: number;
      readonly tensor: string;
      readonly where: string;
      readonly value: number;
      readonly help?: string;
    }
  /** A backend could not get `bytes` more, with `inUse` allocated (null: it does not say) of `capacity` that it can reach. */
  | {
      readonly code: 'OUT_OF_MEMORY';
      readonly bytes: number | null;
      readonly inUse: number | null;
      /** Infinity where nothing but the machine limits it. */
      readonly capacity: number;
      readonly help?: string;
    }
  /** The object, or a view into its memory, was used after `after`, which is `dispose()` where nothing is said. */
  | { readonly code: 'DISPOSED'; readonly what: string; readonly after?: string; readonly help?: string }
  /** The GPU went away, or refused a call: what was on it is gone. */
  | { readonly code: 'DEVICE_LOST'; readonly problem: string; readonly help?: string }
  /** The worker that held a model ended, or could not begin. */
  | { readonly code: 'WORKER_LOST'; readonly problem: string; readonly help?: string };

export type ProblemCode = Problem['code'];

/** Everything that Unspool throws on purpose. */
export class UnspoolError extends Error {
  override readonly name = 'UnspoolError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(describe(problem));
    this.problem = problem;
  }

  get code(): ProblemCode {
    return this.problem.code;
  }
}

const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** A number of bytes in words, such as `1.5 MiB`. */
export function bytesText(bytes: number): string {
  const power = Math.min(3, Math.max(0, Math.floor(Math.log2(bytes) / 10)));
  const value = Number((bytes / 1024 ** power).toPrecision(3));
  return `${value.toLocaleString('en')} ${['bytes', 'KiB', 'MiB', 'GiB'][power]}`;
}

function headline(p: Problem): string {
  switch (p.code) {
    case 'SHAPE_MISMATCH':
      return `${p.op}: ${p.tensor} should have shape ${shapeText(p.expected)}, but has ${shapeText(p.actual)}.`;
    case 'INVALID_SETTING':
      return `${p.path}: ${p.problem}`;
    case 'INVALID_DATA':
      return `${p.what}: ${p.problem}`;
    case 'INVALID_FILE':
      return `${p.file}: ${p.problem}`;
    case 'FILE_ACCESS':
      return `${p.file}: ${p.problem} (${p.cause}).`;
    case 'NOT_FINITE':
      return `training step ${p.update}: ${p.tensor} became ${p.value} ${p.where}.`;
    case 'OUT_OF_MEMORY': {
      const most = Number.isFinite(p.capacity) ? ` of at most ${bytesText(p.capacity)}` : '';
      const used = p.inUse === null ? '.' : `: ${bytesText(p.inUse)}${most} are in use.`;
      return `there is no memory for ${p.bytes === null ? 'what comes next' : `another ${bytesText(p.bytes)}`}${used}`;
    }
    case 'DISPOSED':
      return `${p.what} was used after ${p.after ?? 'dispose()'}.`;
    case 'DEVICE_LOST':
      return `the GPU is gone: ${p.problem}`;
    case 'WORKER_LOST':
      return `the model's worker is gone: ${p.problem}`;
    default:
      return p satisfies never;
  }
}

/** The message of a problem: what is wrong, then what to do. */
export function describe(problem: Problem): string {
  return problem.help ? `${headline(problem)} ${problem.help}` : headline(problem);
}

/** Any value in a message, whatever a file held: `{"toString": {}}` is an object that String() throws at. */
export function shown(value: unknown): string {
  const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : undefined;
  return text ?? String(value);
}

/** Whether `value` is the name of an entry of `table`'s own. */
export const isKeyOf = <T extends object>(table: T, value: unknown): value is keyof T & string =>
  typeof value === 'string' && Object.hasOwn(table, value);

/** Throws `INVALID_SETTING` unless `value` is a whole number from `min` to `max`. */
export function requireInteger(path: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new UnspoolError({
      code: 'INVALID_SETTING',
      path,
      problem: `should be a whole number from ${min} to ${max}, but is ${shown(value)}.`,
    });
  }
}

/** Throws `INVALID_SETTING` unless `value` is a finite number with `min <= value <= max`. */
export function requireNumber(path: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new UnspoolError({
      code: 'INVALID_SETTING',
      path,
      problem: `should be a number ${range}, but is ${shown(value)}.`,
    });
  }
}
