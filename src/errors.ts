/**
 * The one error type of the package. A program reads `problem`, a plain object that `code` discriminates. A person reads
 * `message`: what is wrong, where, what was expected, what was found, and how to fix it.
 */

/** What went wrong, discriminated by `code`. */
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
  /** A setting of a model, a backend or a training that cannot work. `path` names it: `layers[1].hiddenSize`. */
  | { readonly code: 'INVALID_SETTING'; readonly path: string; readonly problem: string; readonly help?: string }
  /** Data that a model cannot use: empty, too short, or with a token out of range. */
  | { readonly code: 'INVALID_DATA'; readonly what: string; readonly problem: string; readonly help?: string }
  /** A file whose content is damaged or of another format. */
  | { readonly code: 'INVALID_FILE'; readonly file: string; readonly problem: string; readonly help?: string }
  /** The system refused to read or write a file. `cause` is its error code, such as `ENOENT` or `ENOSPC`. */
  | {
      readonly code: 'FILE_ACCESS';
      readonly file: string;
      readonly cause: string;
      readonly problem: string;
      readonly help?: string;
    }
  /** A number became NaN or infinite. */
  | {
      readonly code: 'NOT_FINITE';
      /** The update of a training; null outside of one. */
      readonly update: number | null;
      readonly tensor: string;
      readonly where: string;
      readonly value: number;
      readonly help?: string;
    }
  /** A backend could not allocate `bytes` more. */
  | {
      readonly code: 'OUT_OF_MEMORY';
      /** Null where the device does not report it. */
      readonly bytes: number | null;
      /** Bytes allocated so far; null where the device does not report them. */
      readonly inUse: number | null;
      /** Bytes that the backend can address; Infinity where only the machine limits it. */
      readonly capacity: number;
      readonly help?: string;
    }
  /** An object, or a view of its memory, was used after `after` (default: `dispose()`). */
  | { readonly code: 'DISPOSED'; readonly what: string; readonly after?: string; readonly help?: string }
  /** The GPU was lost or refused a call. All data on it is lost. */
  | { readonly code: 'DEVICE_LOST'; readonly problem: string; readonly help?: string }
  /** The worker that holds a model ended or failed to start. */
  | { readonly code: 'WORKER_LOST'; readonly problem: string; readonly help?: string }
  /** A rank of a distributed training failed, left, or did not answer in time. */
  | { readonly code: 'RANK_LOST'; readonly problem: string; readonly help?: string };

/** The codes of all problems. */
export type ProblemCode = Problem['code'];

/** Every error that Unspool throws on purpose. Branch on `code`; `problem` has the details. */
export class UnspoolError extends Error {
  override readonly name = 'UnspoolError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(messageOf(problem));
    this.problem = problem;
  }

  get code(): ProblemCode {
    return this.problem?.code;
  }
}

const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** A number of bytes for people: `1.5 MiB`. */
export function bytesText(bytes: number): string {
  const power = Math.min(3, Math.max(0, Math.floor(Math.log2(bytes) / 10)));
  const value = Number((bytes / 1024 ** power).toPrecision(3));
  return `${value.toLocaleString('en')} ${['bytes', 'KiB', 'MiB', 'GiB'][power]}`;
}

const VERB = /^(must|cannot|is|are|has|have|does|do|needs|reads)\b/;

/** `hiddenSize must be 1` where the problem starts with a verb; else `loss: unknown loss "mse"`. */
const about = (subject: string, problem: string): string => `${subject}${VERB.test(problem) ? '' : ':'} ${problem}`;

function memoryText(bytes: number | null, inUse: number | null, capacity: number): string {
  const request = bytes === null ? '' : `: cannot allocate ${bytesText(bytes)}`;
  if (inUse === null) return `out of memory${request}.`;
  const limit = Number.isFinite(capacity) ? ` of ${bytesText(capacity)}` : '';
  return `out of memory${request} (${bytesText(inUse)}${limit} in use).`;
}

function headline(p: Problem): string {
  switch (p.code) {
    case 'SHAPE_MISMATCH':
      return `${p.op}: ${p.tensor} must have shape ${shapeText(p.expected)}, got ${shapeText(p.actual)}.`;
    case 'INVALID_SETTING':
      return about(p.path, p.problem);
    case 'INVALID_DATA':
      return about(p.what, p.problem);
    case 'INVALID_FILE':
      return `${p.file}: ${p.problem}`;
    case 'FILE_ACCESS':
      return `${p.file}: ${p.problem} (${p.cause}).`;
    case 'NOT_FINITE':
      return `${p.update === null ? '' : `update ${p.update}: `}${p.tensor} became ${p.value} ${p.where}.`;
    case 'OUT_OF_MEMORY':
      return memoryText(p.bytes, p.inUse, p.capacity);
    case 'DISPOSED':
      return `${p.what} was used after ${p.after ?? 'dispose()'}.`;
    case 'DEVICE_LOST':
      return `the GPU was lost: ${p.problem}`;
    case 'WORKER_LOST':
      return `the model's worker was lost: ${p.problem}`;
    case 'RANK_LOST':
      return p.problem;
    default:
      return p satisfies never;
  }
}

function messageOf(problem: Problem): string {
  try {
    const text = String(headline(problem)); // not a string for an unknown code
    return problem.help ? `${text}${text.includes('\n') ? '\n' : ' '}${problem.help}` : text;
  } catch {
    return 'an error without details.'; // a problem that is incomplete
  }
}

/** An `INVALID_SETTING` error to throw: `throw invalidSetting('loss', 'must be a name.')`. */
export const invalidSetting = (path: string, problem: string, help?: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_SETTING', path, problem, ...(help && { help }) });

/** An `INVALID_DATA` error to throw: `throw invalidData('token 3', 'must be ...')`. */
export const invalidData = (what: string, problem: string, help?: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_DATA', what, problem, ...(help && { help }) });
