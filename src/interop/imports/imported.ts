/** What every import gives: the layers of a file of another program, and a model made of them. */
import type { FloatArray, Precision } from '../../contract/kernels.js';
import type { ModelSpec } from '../../core/spec.js';
import type { Vocabulary } from '../../data/vocabulary.js';

/** A layer of a file of another program. */
export interface ForeignLayer {
  /** Its name in the file. No two layers have the same. */
  readonly name: string;
  /** What it is, by the name that the other program has for it: `LSTM`, `Linear`, `Conv`. */
  readonly kind: string;
  /** Its sizes, for people: `4 -> 16, 2 layers`. */
  readonly size: string;
  /** Why it cannot be imported, as a sentence; null if it can. */
  readonly problem: string | null;
}

/** A layer of a file, and whether the imported model has it. */
export interface ImportedLayer extends ForeignLayer {
  readonly used: boolean;
}

/** What a file of another program contains. */
export interface ImportContents {
  /** The format, with an article: `an ONNX model`. */
  readonly format: string;
  /** All layers with weights or an effect on the output, in the order of the file. */
  readonly layers: readonly ForeignLayer[];
}

/**
 * A model from a file of another program. `toModelFile` makes a model file of it; the functions that export a model take it as
 * it is.
 */
export interface Imported extends ImportContents {
  readonly layers: readonly ImportedLayer[];
  readonly spec: ModelSpec;
  /** float64 if any weight of the file is, else float32, which represents float16 and bfloat16 exactly. */
  readonly precision: Precision;
  /** Parameters by name, in the layout of `spec`. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
  /** The characters of its tokens; null if the file has none. */
  readonly vocabulary: Vocabulary | null;
  /** What the reader assumed or changed, in sentences. */
  readonly notes: readonly string[];
}

/** The model that a reader makes of a file or of a part of it. `finishImport` checks it. */
export interface Draft {
  readonly spec: ModelSpec;
  readonly parameters: ReadonlyMap<string, FloatArray>;
  /** Names of the layers that it is made of. */
  readonly used: readonly string[];
  readonly vocabulary?: Vocabulary | null;
  readonly notes: readonly string[];
}

/** An opened file. */
export interface ImportSource extends ImportContents {
  /** Makes a model of the layers that can be imported, or of the part `node` alone. Throws `INVALID_FILE` or `INVALID_SETTING`. */
  read(node?: string): Draft;
}
