/**
 * A WebGPU for tests: the npm package `webgpu` is a module of the kind that jest cannot load, so its native part is. Whatever
 * it makes belongs to the realm outside of the tests, which is why this is no more than a global.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Dawn {
  create(options: string[]): object;
  readonly globals: object;
}

export function provideWebGpu(): void {
  const find = createRequire(join(__dirname, 'webgpu.ts'));
  const folder = join(dirname(find.resolve('webgpu')), 'dist', `${process.platform}-${process.arch}`);
  const { create, globals } = find(join(folder, 'dawn.node')) as Dawn;
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) }, configurable: true, writable: true });
}
