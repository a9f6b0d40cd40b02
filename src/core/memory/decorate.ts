/** Decorating a backend: the one way in which a lease, a memory meter and shared weights change some of its instructions. */
import type { Kernels } from '../../contract/kernels.js';

/**
 * The backend with some instructions replaced. The others are inherited through the prototype, where the JavaScript engine
 * finds them as fast as on the object itself.
 */
export const decorate = (kernels: Kernels, instructions: Partial<Kernels>): Kernels =>
  Object.assign(Object.create(kernels) as Kernels, instructions);

/** The backend itself, from a lease of it or another decoration. */
export function backendOf(kernels: Kernels): Kernels {
  let at: object = kernels;
  for (let next = at; next && Object.getPrototypeOf(next) !== null; next = Object.getPrototypeOf(next) as object)
    at = next;
  return at as Kernels;
}

/** The names of all instructions of a backend. */
export function instructionsOf(kernels: Kernels): (keyof Kernels)[] {
  const names = new Set<string>();
  for (let at: object = kernels; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name !== 'constructor' && typeof kernels[name as keyof Kernels] === 'function') names.add(name);
    }
  }
  return [...names] as (keyof Kernels)[];
}
