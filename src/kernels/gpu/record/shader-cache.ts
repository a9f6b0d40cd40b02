/** Programs by key. The calls of a time loop use the same programs at every time step. */
import type { Program } from '../shaders/program.js';
import { MAX_CACHED_SHADERS } from '../thresholds.js';

/** Programs that have been built. */
export class ShaderCache {
  private readonly programs = new Map<string, Program>();

  /** The program of `key`, built on first use. The key must contain everything that the program depends on. */
  get(key: string, build: () => Program): Program {
    const cached = this.programs.get(key);
    if (cached) return cached;
    if (this.programs.size >= MAX_CACHED_SHADERS) this.programs.clear();
    const program = build();
    this.programs.set(key, program);
    return program;
  }
}
