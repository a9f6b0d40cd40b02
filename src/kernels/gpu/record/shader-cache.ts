/** Kernels' texts that were made before: those of the time loop are asked for in every step. */
import type { Program } from '../shaders/program.js';

const MOST_TEXTS = 4096;

export class Texts {
  private readonly made = new Map<string, Program>();

  /** What `make` makes, made once for a key, which has to tell all that it is made of. */
  once(key: string, make: () => Program): Program {
    const known = this.made.get(key);
    if (known) return known;
    if (this.made.size >= MOST_TEXTS) this.made.clear();
    const text = make();
    this.made.set(key, text);
    return text;
  }
}
