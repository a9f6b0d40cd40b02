/** Takes tensors out of a file by their names, and reports strictly what is missing, has another shape, or is left. */
import type { FloatArray } from '../../contract/kernels.js';
import { invalidFile } from '../invalid.js';
import { quoted } from '../safetensors.js';
import { listed } from './report.js';

/** A tensor of a file of another program. */
export interface ForeignTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads the numbers, row by row. */
  data(): FloatArray;
}

const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** The tensors of a file, of which each is taken at most once. */
export class TensorReader {
  private readonly tensors: ReadonlyMap<string, ForeignTensor>;
  private readonly file: string;
  private readonly taken = new Set<string>();
  private readonly missing: string[] = [];
  private readonly wrong: string[] = [];

  constructor(tensors: ReadonlyMap<string, ForeignTensor>, file: string) {
    this.tensors = tensors;
    this.file = file;
  }

  /** The numbers of a tensor. One that is missing or has another shape is reported by `finish`, and is empty here. */
  take(name: string, shape: readonly number[]): FloatArray {
    const tensor = this.tensors.get(name);
    this.taken.add(name);
    if (!tensor) this.missing.push(`${quoted(name)} ${shapeText(shape)}`);
    else if (tensor.shape.join() !== shape.join()) {
      this.wrong.push(`${quoted(name)} has shape ${shapeText(tensor.shape)} instead of ${shapeText(shape)}`);
    } else return tensor.data();
    return new Float32Array(0);
  }

  /**
   * Throws `INVALID_FILE` if a tensor was missing or had another shape, or if one of `expected` was not taken. It lists them all.
   */
  finish(expected: Iterable<string> = this.tensors.keys()): void {
    const left = [...expected].filter((name) => !this.taken.has(name)).map(quoted);
    const problems = [
      this.missing.length > 0 && `missing tensors: ${listed(this.missing)}`,
      this.wrong.length > 0 && `tensors of another shape: ${listed(this.wrong)}`,
      left.length > 0 && `unexpected tensors: ${listed(left)}`,
    ].filter((problem) => problem !== false);
    if (problems.length > 0) throw invalidFile(this.file, `${problems.join('; ')}.`);
  }
}
